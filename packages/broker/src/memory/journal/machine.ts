/**
 * Conditions of a journal: written data outlive the process as long as the machine runs, and the file is the one that
 * was written.
 */
import { type BigIntStats, fstatSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** Times of the same start of a machine differ by what its clock was set in between. More counts as another start. */
const TOLERANCE_MS = 5000;

/** A start of the machine: by its name where it has one (Linux), else by its time, in milliseconds since 1970. */
export interface Boot {
  readonly id?: string | undefined;
  readonly atMs?: number | undefined;
}

export interface Machine {
  /** The present start; `{}` when it isn't known. */
  boot(): Boot;
  /** Names an open file: a copy of it has another name. */
  fileOf(fd: number): string;
}

export const THIS_MACHINE: Machine = {
  boot() {
    const id = bootId();
    return id === undefined ? { atMs: Math.round(Date.now() - uptime() * 1000) } : { id };
  },
  fileOf: (fd) => nameOf(fstatSync(fd, { bigint: true })),
};

/** One that isn't known counts as another one. */
export function isSameBoot(before: Boot, now: Boot): boolean {
  if (before.id !== undefined || now.id !== undefined) return before.id === now.id;
  if (before.atMs === undefined || now.atMs === undefined) return false;
  return Math.abs(before.atMs - now.atMs) <= TOLERANCE_MS;
}

function bootId(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return readFileSync(BOOT_ID, 'utf8').trim() || undefined;
  } catch {
    return undefined; // a container without /proc
  }
}

/** The number of a file is given again when it was removed, so its birth belongs to it. */
function nameOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}.${birthtimeNs}`;
}
