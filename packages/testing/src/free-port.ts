import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Below what systems give to outgoing connections (from 32768 on Linux): a port from up there may be taken by one between the look and its
 * use.
 */
const FIRST = 10_240;
const LAST = 32_000;
/** Ports are looked for long before they are used, by several processes at once: each has a block of its own. */
const BLOCK_PORTS = 64;
const BLOCKS = Math.floor((LAST - FIRST) / BLOCK_PORTS);
const MAX_ATTEMPTS = 100;

/** Of the block of this process, those that were not looked at yet. */
let left: number[] = [];

/** A TCP port that nobody listens on, another one at each call; no other process that asks here is given it while this one lives. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (left.length === 0) left = await takeBlock();
    const port = left.shift()!;
    const server = await listen(port);
    if (server === undefined) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error(`no free port in ${MAX_ATTEMPTS} attempts between ${FIRST} and ${LAST}`);
}

/** A block is ours as long as we listen on its first port. */
async function takeBlock(): Promise<number[]> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const first = FIRST + randomInt(BLOCKS) * BLOCK_PORTS;
    const guard = await listen(first);
    if (guard === undefined) continue;
    guard.unref();
    return Array.from({ length: BLOCK_PORTS - 1 }, (_, i) => first + 1 + i);
  }
  throw new Error(`no free block of ports in ${MAX_ATTEMPTS} attempts between ${FIRST} and ${LAST}`);
}

/** `undefined` when somebody else has the port. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  const settled = once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.listen(port, '127.0.0.1');
  return (await settled) ? server : undefined;
}
