/** Both loads of clients that come back, against a server that makes mistakes: they see and count the same. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { cProgram } from './c-program.ts';
import { CReturning } from './c-returning.ts';
import { NodeReturning } from './node-returning.ts';
import type { Returning } from './returning.ts';
import { nowUs } from './tally.ts';

const [GOOD, BAD] = ['bench:good', 'bench:bad'];
const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends.splice(0)) end();
});

interface Asked {
  readonly channel: string;
  readonly position?: { readonly epoch: string; readonly seq: number };
}

function message(channel: string, epoch: string, seq: number, n = seq): string {
  return `{"type":"message","version":1,"channel":"${channel}","epoch":"${epoch}","seq":${seq},"id":"m","timestamp":1,"payload":{"t":${nowUs()},"n":${n},"pad":"${'x'.repeat(200)}"}}`;
}

/** Numbers as they come in the first connection: one comes twice, one late, and 3 not at all. */
const SENT = [1, 2, 2, 5, 4];

function answer(socket: WebSocket, asked: readonly Asked[], seen: Asked[]): void {
  seen.push(...asked);
  const results = asked.map(({ channel, position }) => {
    if (position === undefined) return { channel, epoch: 'e1', seq: 0 };
    return channel === GOOD
      ? { channel, ...position, recovered: true, missed: 2 }
      : { channel, epoch: 'e2', seq: 0, recovered: false, reason: 'epoch-changed' };
  });
  socket.send(JSON.stringify({ type: 'subscribed', re: 2, results }));
  for (const { channel, position } of asked) {
    if (position === undefined)
      for (const [i, n] of SENT.entries())
        socket.send(message(channel, 'e1', i + 1, channel === BAD ? n : i + 1));
    else if (channel === GOOD) for (const seq of [6, 7]) socket.send(message(channel, position.epoch, seq));
  }
}

async function startServer(refusals: number): Promise<{ port: number; seen: Asked[] }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: ([first]) => first! });
  const seen: Asked[] = [];
  let left = refusals;
  server.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      const { type, channels } = JSON.parse(String(data)) as { type: string; channels: Asked[] };
      if (type === 'subscribe') answer(socket, channels, seen);
      else if (left-- > 0) socket.close(4003, 'go "away"');
      else {
        socket.ping('?');
        socket.send('{"type":"connected","re":1}');
      }
    });
  });
  ends.push(() => server.close());
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, seen };
}

const LOADS = {
  node: (port: number): Returning => new NodeReturning(planOf(port)),
  C: (port: number): Returning => new CReturning(cProgram('resume')!, planOf(port)),
};

function planOf(port: number): ConstructorParameters<typeof NodeReturning>[0] {
  const clients = ['a', 'b', 'c'].map((token) => ({ token, channels: [GOOD, BAD] }));
  return { dialect: 'carillon', ports: [port], clients, openAtOnce: 2 };
}

it.concurrent.each(Object.entries(LOADS))('%s', { timeout: 120_000 }, async (_name, start) => {
  const { port, seen } = await startServer(1);
  const load = start(port);
  ends.push(() => load.end());
  await load.open();
  await load.mark();
  await load.drop(nowUs(), 3);
  const { resumeUs, problems, cpuUs } = await load.returns();
  expect(await load.finish({ [GOOD]: 7, [BAD]: 6 })).toEqual({
    messages: 3 * 12,
    arrived: 3 * 11,
    duplicated: 3,
    reordered: 3,
    drops: 3,
    attempts: 7,
    failedAttempts: 1,
    recovered: 3,
    notRecovered: { 'epoch-changed': 3 },
    clients: 3,
    expected: 3 * 13,
    lost: 3 * 2,
  });
  expect(resumeUs).toHaveLength(3);
  for (const us of resumeUs) expect(us).toBeLessThan(60_000_000);
  expect(cpuUs).toBeGreaterThan(0);
  expect(problems).toEqual([expect.stringContaining('go "away"')]);
  expect(seen.slice(-2)).toEqual([
    { channel: GOOD, position: { epoch: 'e1', seq: 5 } },
    { channel: BAD, position: { epoch: 'e1', seq: 5 } },
  ]);
});
