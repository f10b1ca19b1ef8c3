/** CPU time and memory of a process and its threads, from /proc (Linux only). */
import { readFile } from 'node:fs/promises';

/** Kernel clock ticks per second. 100 on every Linux that Node runs on (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

export interface Usage {
  readonly name: string;
  readonly pid: number;
  readonly cpuUs: number;
  readonly rssKb: number;
}

/** The process and all that it started (Postgres works in children), as one. */
export async function usageOf(name: string, pid: number): Promise<Usage> {
  const parts = await Promise.all((await familyOf(pid)).map(readOne));
  return {
    name,
    pid,
    cpuUs: parts.reduce((sum, part) => sum + part.cpuUs, 0),
    rssKb: parts.reduce((sum, part) => sum + part.rssKb, 0),
  };
}

/** The process and all that it started, the youngest generation last. */
export async function familyOf(pid: number): Promise<readonly number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1').catch(orEnded))
    .split(' ')
    .filter((text) => text !== '');
  return [pid, ...(await Promise.all(children.map((child) => familyOf(Number(child))))).flat()];
}

function orEnded(error: NodeJS.ErrnoException): string {
  if (['ENOENT', 'ESRCH'].includes(error.code ?? '')) return '';
  throw error;
}

async function readOne(pid: number): Promise<{ readonly cpuUs: number; readonly rssKb: number }> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in brackets and may hold spaces; count from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const status = await readFile(`/proc/${pid}/status`, 'latin1');
    return {
      cpuUs: (ticks * 1_000_000) / TICKS_PER_SECOND,
      rssKb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0),
    };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return { cpuUs: 0, rssKb: 0 }; // a child that has ended
    throw error;
  }
}

/** CPU that each of `before` used until `after`, in microseconds by name. */
export function cpuBetween(before: readonly Usage[], after: readonly Usage[]): Record<string, number> {
  return Object.fromEntries(after.map((usage, i) => [usage.name, usage.cpuUs - before[i]!.cpuUs]));
}
