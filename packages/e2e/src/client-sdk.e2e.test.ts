/** The client SDK against a real gateway: tokens, acknowledgements, snapshots, diagnosis of the connection. */
import { fileURLToPath } from 'node:url';
import {
  connectionMonitor,
  type Message,
  RealtimeClient,
  type RealtimeClientOptions,
} from '@carillon/client';
import { mintToken } from '@carillon/server';
import {
  eventually,
  freePort,
  type ServerProcess,
  startProcess,
  startRedis,
  startTcpProxy,
  type TcpProxy,
  type TestRedis,
} from '@carillon/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { JWT_SECRET } from './cluster.ts';
import { tokenFor } from './people.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** A machine may stand still for some seconds between a message and its acknowledgement. */
const ACK_TIMEOUT_MS = 6_000;
const TOKEN_LIFE_MS = 8_000;
/** Renewed after a second or so: time enough to be late before the old one is over. */
const REFRESH_THRESHOLD_MS = 6_500;
/** As many lives of the cut line as there may be, when a machine that stands still has made some of them longer. */
const MAX_CUTS = 12;

let redis: TestRedis;
let gateway: ServerProcess;
let gatewayPort: number;
let line: TcpProxy;
const clients: RealtimeClient[] = [];

beforeAll(async () => {
  redis = await startRedis();
  gatewayPort = await freePort();
  gateway = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/gateway/src/main.ts`],
    env: {
      CARILLON_REDIS_URL: redis.url,
      CARILLON_JWT_SECRET: JWT_SECRET,
      CARILLON_JWT_LEEWAY_MS: '0',
      CARILLON_PING_INTERVAL_MS: '200ms',
      CARILLON_GATEWAY_PORT: String(gatewayPort),
      CARILLON_NAMESPACES: JSON.stringify({
        sdk: { durable: false },
        short: { durable: false, recoveryMaxMessages: 2 },
        orders: { durable: false, ackTimeoutMs: ACK_TIMEOUT_MS },
      }),
    },
    readyUrl: `http://127.0.0.1:${gatewayPort}/ready`,
  });
  line = await startTcpProxy({ targetPort: gatewayPort });
}, 120_000);

afterEach(() => {
  line.heal();
  for (const client of clients.splice(0)) client.close();
});

afterAll(async () => {
  await line?.stop();
  await gateway?.stop();
  await redis?.stop();
});

async function make(user: string, options: Partial<RealtimeClientOptions> = {}): Promise<RealtimeClient> {
  const client = new RealtimeClient({
    url: `ws://127.0.0.1:${line.port}`,
    ...(options.getToken === undefined ? { token: await tokenFor(user) } : {}),
    backoff: { initialMs: 50, maxMs: 200 },
    ...options,
  });
  clients.push(client);
  await client.connect();
  return client;
}

const payloads = (messages: readonly Message[]) => messages.map(({ payload }) => payload);

describe('[K5] [S4] a token that expires', () => {
  it('is replaced on the live connection, again and again, while messages flow', async () => {
    const reasons: string[] = [];
    const ada = await make('ada', {
      refreshThresholdMs: REFRESH_THRESHOLD_MS,
      getToken: ({ reason }) => {
        reasons.push(reason);
        return mintToken({
          secret: JWT_SECRET,
          userId: 'ada',
          capabilities: { 'sdk:*': ['subscribe'] },
          expiresInMs: TOKEN_LIFE_MS,
        });
      },
    });
    const disconnects: number[] = [];
    ada.on('disconnected', ({ code }) => disconnects.push(code));
    const seen: Message[] = [];
    await ada.subscribe('sdk:tokens', (message) => seen.push(message)).ready();
    const grace = await make('grace');
    const sinceMs = performance.now();
    let sent = 0;
    while (performance.now() - sinceMs < TOKEN_LIFE_MS + 2_000) {
      await grace.publish('sdk:tokens', sent++);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await eventually(() => seen.length === sent, { what: 'ada has everything' });
    expect(disconnects).toEqual([]);
    expect(reasons[0]).toBe('first');
    expect(reasons.length).toBeGreaterThanOrEqual(4);
    expect(new Set(reasons.slice(1))).toEqual(new Set(['expiring']));
  });
});

describe('[K7] [D8] acknowledgements', () => {
  it('bring again what is not acknowledged in time, over reconnects, until it is', {
    timeout: 120_000,
  }, async () => {
    const ada = await make('ada');
    const grace = await make('grace');
    const seen: Message[] = [];
    const orders = ada.subscribe('orders:eu', (message) => seen.push(message), { consumer: 'billing' });
    await orders.ready();
    for (const n of [1, 2, 3]) await grace.publish('orders:eu', n);
    await eventually(() => seen.length >= 3, { what: 'three orders' });
    orders.ack(seen[0]!);
    await eventually(() => seen.filter(({ redelivered }) => redelivered).length >= 2, {
      what: 'the two that are open come again',
      timeoutMs: ACK_TIMEOUT_MS + 20_000,
    });
    expect(payloads(seen.slice(3, 5))).toEqual([2, 3]);
    line.cut();
    await grace.publish('orders:eu', 4);
    await eventually(() => payloads(seen).includes(4), { what: 'the fourth' });
    // Messages before it may have been redelivered since.
    orders.ack(seen.findLast(({ payload }) => payload === 4)!);
    // A successor of the same user goes on after it.
    await eventually(
      async () => {
        const other = await make('ada');
        const rest: Message[] = [];
        await other.subscribe('orders:eu', (message) => rest.push(message), { consumer: 'billing' }).ready();
        await grace.publish('orders:eu', 'next');
        await eventually(() => rest.length > 0, { what: 'something' });
        return rest[0]!.payload === 'next';
      },
      { what: 'nothing acknowledged comes again' },
    );
  });
});

describe('[K7] a loss for good', () => {
  it('holds live messages until the snapshot is there', async () => {
    const ada = await make('ada');
    const grace = await make('grace');
    const seen: Message[] = [];
    const snapshot = Promise.withResolvers<{ epoch: string; seq: number }>();
    const reasons: string[] = [];
    const board = ada.subscribe('short:board', (message) => seen.push(message), {
      onSnapshotNeeded: ({ reason }) => {
        reasons.push(reason);
        return snapshot.promise;
      },
    });
    await board.ready();
    await grace.publish('short:board', 0);
    await eventually(() => seen.length === 1, { what: 'the first' });
    // Away for more messages than the namespace gives back.
    const reconnecting = new Promise<void>((resolve) => ada.on('reconnecting', () => resolve()));
    line.refuse();
    await reconnecting;
    const direct = await make('henry', { url: `ws://127.0.0.1:${gatewayPort}` });
    for (const n of [1, 2, 3, 4, 5]) await direct.publish('short:board', n);
    line.heal();
    await eventually(() => board.holding, { what: 'a snapshot is asked for' });
    await direct.publish('short:board', 6);
    const last = await direct.publish('short:board', 7);
    await direct.history('short:board', { limit: 1 });
    expect(payloads(seen)).toEqual([0]);
    snapshot.resolve({ epoch: last.epoch, seq: last.seq - 1 });
    await eventually(() => payloads(seen).includes(7), { what: 'what the snapshot does not hold' });
    expect(payloads(seen)).toEqual([0, 7]);
    expect(reasons).toEqual(['too-many-missed']);
  });
});

describe('[K6] a line that is cut after always the same time', () => {
  it('is found out', { timeout: 120_000 }, async () => {
    const ada = await make('ada', { monitor: connectionMonitor() });
    const isFound = () => ada.monitor!.findings.some(({ pattern }) => pattern === 'constant-age');
    for (let i = 0; i < MAX_CUTS && !isFound(); i++) {
      await eventually(() => ada.state === 'connected', { what: 'connected' });
      await new Promise((resolve) => setTimeout(resolve, 5_500));
      line.cut();
      await eventually(() => (ada.monitor!.report().counts.disconnected ?? 0) > i, {
        what: 'the end is seen',
      });
    }
    expect(isFound()).toBe(true);
    expect(ada.monitor!.latency!.minMs).toBeGreaterThan(0);
  });
});
