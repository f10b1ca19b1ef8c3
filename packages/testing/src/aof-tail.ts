import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = 'appendonlydir';
const CR_LF = 2;

/**
 * Cuts the last `records` commands off the newest append-only file of a stopped Redis, as a machine does that dies before its disk
 * has them. A transaction (each script is one) is one record. Resolves with how many were cut.
 */
export async function cutAofTail(dataDir: string, records: number): Promise<number> {
  const file = await newestIncrement(join(dataDir, FOLDER));
  const starts = recordStarts(await readFile(file));
  const cut = Math.min(records, starts.length);
  if (cut > 0) await truncate(file, starts[starts.length - cut]!);
  return cut;
}

async function newestIncrement(folder: string): Promise<string> {
  const number = (name: string): number => Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1] ?? -1);
  const names = (await readdir(folder)).filter((name) => number(name) >= 0);
  const newest = names.toSorted((a, b) => number(b) - number(a))[0];
  if (newest === undefined) throw new Error(`${folder} has no append-only file`);
  return join(folder, newest);
}

/** Where each record begins. SELECT belongs to what follows it. What is incomplete at the end is a record, too. */
function recordStarts(data: Buffer): readonly number[] {
  const starts: number[] = [];
  let open: number | undefined;
  let inTransaction = false;
  for (let at = 0; at < data.length; ) {
    const { name, end } = readCommand(data, at);
    open ??= at;
    if (name === 'MULTI') inTransaction = true;
    if (name === 'EXEC') inTransaction = false;
    if (!inTransaction && name !== 'SELECT') {
      starts.push(open);
      open = undefined;
    }
    at = end;
  }
  if (open !== undefined) starts.push(open);
  return starts;
}

/** A command is `*<n>\r\n`, then n times `$<bytes>\r\n<bytes>\r\n`. */
function readCommand(data: Buffer, at: number): { readonly name: string; readonly end: number } {
  const line = (from: number): { readonly number: number; readonly end: number } => {
    const end = data.indexOf('\r\n', from);
    return end < 0
      ? { number: 0, end: data.length }
      : { number: Number(data.toString('latin1', from + 1, end)), end: end + CR_LF };
  };
  let { number: parts, end } = line(at);
  let name = '';
  for (; parts > 0 && end < data.length; parts--) {
    const part = line(end);
    if (name === '') name = data.toString('latin1', part.end, part.end + part.number).toUpperCase();
    end = part.end + part.number + CR_LF;
  }
  return { name, end };
}
