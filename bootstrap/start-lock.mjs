import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TOOLS } from './places.mjs';
import { step } from './progress.mjs';

const POLL_INTERVAL_MS = 200;

/** @typedef {{ pid: number, host: string }} Owner */

/**
 * Runs `work` while no other start of this checkout does: two installs at once would undo each other's work. A lock
 * whose process is gone is taken over.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {string} [path] of the lock file
 * @returns {Promise<T>}
 */
export async function withStartLock(work, path = join(TOOLS, 'start.lock')) {
  mkdirSync(TOOLS, { recursive: true });
  if (!take(path)) await step('Waiting for another start of this checkout', () => waitFor(path));
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** @param {string} path */
async function waitFor(path) {
  while (!take(path)) await delay(POLL_INTERVAL_MS);
}

/** @param {string} path */
function take(path) {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, host: hostname() }));
  try {
    if (linked(own, path)) return true;
    const owner = read(path);
    if (owner === undefined || isAlive(owner)) return false;
    removeStale(path, owner);
    return linked(own, path);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Linking is atomic and brings the content along: nobody ever reads a lock that is half written. @param {string} own @param {string} path */
function linked(own, path) {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} path @returns {Owner | undefined} undefined when the lock has just been released */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** @param {Owner} owner */
function isAlive({ pid, host }) {
  // A checkout on a network disk: its processes cannot be looked up from here.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** @param {string} path @param {Owner} stale */
function removeStale(path, stale) {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  // Somebody else may have taken the stale lock over since we read it; then it is given back.
  if (read(aside)?.pid !== stale.pid) linked(aside, path);
  rmSync(aside, { force: true });
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
