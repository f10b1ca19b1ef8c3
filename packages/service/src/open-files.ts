import { readFileSync } from 'node:fs';

/** For Redis, Postgres, the log, health and metrics, files that are read. */
export const RESERVED_FILES = 64;

/** How many files and sockets this process may have open (`ulimit -n`); `undefined` where the platform doesn't tell. */
export function openFilesLimit(readLimits: () => string = readProcLimits): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(readLimits()) ?? [];
    return soft === undefined || soft === 'unlimited' ? undefined : Number(soft);
  } catch {
    return undefined; // not Linux
  }
}

function readProcLimits(): string {
  return readFileSync('/proc/self/limits', 'utf8');
}
