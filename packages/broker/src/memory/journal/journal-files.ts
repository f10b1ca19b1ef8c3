/** Names and order of a journal's files: `<generation>.log` and `<generation>.snapshot`, the state before the log of that generation. */
import { closeSync, fstatSync, fsyncSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_VERSION, type JournalEntry, type JournalHeader, type Written } from './journal-entry.ts';
import { JournalCorruptError } from './journal-error.ts';
import { FrameReader } from './journal-frames.ts';

const NAME = /^(\d{10})\.(log|snapshot)$/;
const DIGITS = 10;
/** A snapshot that is being written. */
export const DRAFT_SUFFIX = '.new';

type Kind = JournalHeader['kind'];

export function pathOf(folder: string, generation: number, kind: Kind): string {
  return join(folder, `${String(generation).padStart(DIGITS, '0')}.${kind}`);
}

export function headerOf(generation: number, kind: Kind): Written {
  return [{ type: 'header', format: 'carillon-journal', version: JOURNAL_VERSION, kind, generation }, ''];
}

/** Generations that there are a log, a snapshot of, ascending. */
export function generationsIn(folder: string, kind: Kind): readonly number[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const match = NAME.exec(name);
      return match?.[2] === kind ? [Number(match[1])] : [];
    })
    .toSorted((a, b) => a - b);
}

/** Removes what a snapshot of this generation stands for, and drafts. */
export function removeBefore(folder: string, generation: number): void {
  for (const kind of ['log', 'snapshot'] as const)
    for (const old of generationsIn(folder, kind))
      if (old < generation) rmSync(pathOf(folder, old, kind), { force: true });
  removeDrafts(folder);
}

export function removeDrafts(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.endsWith(DRAFT_SUFFIX)) rmSync(join(folder, name), { force: true });
}

/** Makes new and removed names last over a loss of power. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** May this whole entry follow a damaged frame? */
export type MayFollow = (entry: JournalEntry | JournalHeader, damagedAt: number) => boolean;

/**
 * Gives each entry of a file to `apply`. Answers where the last whole frame ends: 0 when not even the header is there.
 * @throws JournalCorruptError also when whole frames follow a damaged one that may not
 */
export function readJournalFile(
  path: string,
  apply: (entry: JournalEntry, text: string) => void,
  mayFollow: MayFollow = () => false,
): { readonly offset: number; readonly size: number } {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const reader = new FrameReader(fd, path, size);
    let isFirst = true;
    for (const [json, text] of reader.entries()) {
      const entry = parsed(path, json);
      if (isFirst) assertHeader(path, entry);
      else if (entry.type !== 'header') apply(entry, text);
      isFirst = false;
    }
    if (reader.offset < size)
      for (const [json] of reader.following())
        if (!mayFollow(parsed(path, json), reader.offset))
          throw new JournalCorruptError(path, `the frame at byte ${reader.offset} is damaged`);
    return { offset: reader.offset, size };
  } finally {
    closeSync(fd);
  }
}

function parsed(path: string, json: string): JournalEntry | JournalHeader {
  try {
    return JSON.parse(json) as JournalEntry | JournalHeader;
  } catch (cause) {
    throw new JournalCorruptError(path, 'an entry is no JSON', cause);
  }
}

function assertHeader(path: string, entry: JournalEntry | JournalHeader): void {
  if (entry.type !== 'header' || entry.format !== 'carillon-journal')
    throw new JournalCorruptError(path, 'it is no journal of Carillon');
  if (entry.version > JOURNAL_VERSION)
    throw new JournalCorruptError(
      path,
      `a newer Carillon wrote it, in version ${entry.version} of the format; this one reads up to ${JOURNAL_VERSION}`,
    );
}
