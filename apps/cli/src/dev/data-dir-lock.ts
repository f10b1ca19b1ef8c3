import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isRunning, ownIdentity, type ProcessIdentity } from '../process-identity.ts';

const LOCK = 'lock.sqlite';
const OWNER = 'lock.json';
const BUSY = 5;
/** A process that was killed has its lock until the last of its threads has ended, which the kernel does by itself. */
const MAX_WAIT_FOR_DEAD_MS = 5000;
const RETRY_MS = 20;

export type LockResult =
  | { readonly release: () => void }
  /** `owner` is who has it, as far as that is known. */
  | { readonly owner: ProcessIdentity | undefined };

/**
 * Takes a folder for this process, with a lock of the kernel on a file, held by an open transaction of SQLite: Node itself has no such lock.
 * The kernel releases it when the process ends, however that happens, also while nobody has taken note of its end (a zombie).
 */
export function lockDataDir(path: string): LockResult {
  const deadlineMs = performance.now() + MAX_WAIT_FOR_DEAD_MS;
  for (;;) {
    const result = tryLock(path);
    if ('release' in result || result.owner === undefined || isRunning(result.owner)) return result;
    if (performance.now() > deadlineMs) return result;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
  }
}

function tryLock(path: string): LockResult {
  const database = new DatabaseSync(join(path, LOCK));
  try {
    database.exec('begin exclusive');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === BUSY) return { owner: readOwner(path) };
    throw error;
  }
  writeFileSync(join(path, OWNER), JSON.stringify(ownIdentity()));
  return {
    release: () => {
      rmSync(join(path, OWNER), { force: true });
      // The file stays: whoever removed it would give others the chance to lock two of them.
      if (database.isOpen) database.close();
    },
  };
}

function readOwner(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(join(path, OWNER), 'utf8')) as ProcessIdentity;
  } catch {
    return undefined; // it has the lock and has not written its name yet
  }
}
