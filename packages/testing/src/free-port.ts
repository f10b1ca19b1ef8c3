import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what systems give to outgoing connections (from 32768 on Linux): a port from up there may be taken by one between the look and its
 * use.
 */
const FIRST = 10_240;
const LAST = 32_000;
const MAX_ATTEMPTS = 100;

const given = new Set<number>();

/** A TCP port that nobody listens on, another one at each call. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = randomInt(FIRST, LAST);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port in ${MAX_ATTEMPTS} attempts between ${FIRST} and ${LAST}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const settled = Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]).catch(() => false); // the error also ends the wait for `listening`
  server.listen(port, '127.0.0.1');
  if (!(await settled)) return false;
  server.close();
  await once(server, 'close');
  return true;
}
