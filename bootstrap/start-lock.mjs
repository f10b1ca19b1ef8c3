import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TOOLS } from './places.mjs';
import { step } from './progress.mjs';

const POLL_INTERVAL_MS = 200;

/** @typedef {{ pid: number, host: string, socket: string }} Owner */

/**
 * Runs `work` while no other start of this checkout does: two installs at once would undo each other's work. A lock
 * whose process is gone is taken over. That it is gone, the kernel says: it closes the socket that the owner listens on
 * when the process ends, however that happens. A pid says less: a zombie has one, and a later process may get it.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {string} [path] of the lock file
 * @returns {Promise<T>}
 */
export async function withStartLock(work, path = join(TOOLS, 'start.lock')) {
  mkdirSync(TOOLS, { recursive: true });
  const socket = socketPath();
  const server = await listen(socket);
  try {
    if (!(await take(path, socket))) {
      await step('Waiting for another start of this checkout', () => waitFor(path, socket));
    }
    try {
      return await work();
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    server.close();
  }
}

/** @param {string} path @param {string} socket */
async function waitFor(path, socket) {
  while (!(await take(path, socket))) await delay(POLL_INTERVAL_MS);
}

/** @param {string} path @param {string} socket */
async function take(path, socket) {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, host: hostname(), socket }));
  try {
    if (linked(own, path)) return true;
    const owner = read(path);
    if (owner === undefined || (await isAlive(owner))) return false;
    removeStale(path, owner);
    return linked(own, path);
  } finally {
    rmSync(own, { force: true });
  }
}

/** In the folder for temporary files: a path below the checkout may be longer than the 100 bytes that a socket can have. */
function socketPath() {
  const name = `carillon-start-${process.pid}-${randomBytes(4).toString('hex')}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

/** @param {string} socket @returns {Promise<import('node:net').Server>} */
function listen(socket) {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', reject);
    server.listen(socket, () => resolve(server.unref()));
  });
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

/** @param {Owner} owner @returns {Promise<boolean>} */
function isAlive({ host, socket }) {
  // A checkout on a network disk: its processes cannot be asked from here.
  if (host !== hostname()) return Promise.resolve(true);
  // A lock of a version that did not say where its owner listens: its start is long over.
  if (socket === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const connection = connect(socket, () => resolve(true));
    connection.on('connect', () => connection.destroy());
    // Any other error is one of a socket that is there, e.g. of an owner who is too busy to take so many connections.
    connection.on('error', (error) => {
      resolve(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT');
    });
  });
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
  // Another process may have taken the stale lock over since it was read; then it is given back.
  if (read(aside)?.socket !== stale.socket) linked(aside, path);
  else if (stale.socket !== undefined) rmSync(stale.socket, { force: true });
  rmSync(aside, { force: true });
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
