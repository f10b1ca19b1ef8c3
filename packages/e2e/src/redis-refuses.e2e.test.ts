/** A Redis that is there and refuses: full, unable to write to its disk, still reading its file. Nothing is lost, and all goes on by itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RealtimeClient } from '@carillon/client';
import { ApiError, BackendClient } from '@carillon/server';
import { eventually, redisCommand, startPostgres, startRedis, type TestRedis } from '@carillon/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { JWT_SECRET } from './cluster.ts';
import { Ledger } from './ledger.ts';
import { metricOf } from './metrics-of.ts';
import { connectClient, startPublishing, startSubscriber } from './people.ts';
import { migrate, type Service, type Services, startServices } from './services.ts';
import { storedMessages } from './stored-messages.ts';

const CHANNELS = ['full:a', 'full:b'];
const STEP = 100;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Trouble {
  readonly refuse: () => Promise<unknown>;
  readonly recover: () => Promise<unknown>;
  /** Text of the readiness check during the fault. */
  readonly health: string;
  /** Log text of gateways and routers. */
  readonly logs: string;
  /** Reaction of a router when the fault lasts. */
  readonly routerLogs: string;
}

const readinessOf = async ({ port }: Service) => {
  const response = await fetch(`http://127.0.0.1:${port}/ready`);
  return { status: response.status, text: await response.text() };
};

async function goThrough(
  redis: TestRedis,
  { refuse, recover, health, logs, routerLogs }: Trouble,
): Promise<void> {
  const postgres = await startPostgres();
  closers.push(() => postgres.stop());
  await migrate(postgres.url);
  const services: Services = await startServices({
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    env: {
      CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1',
      CARILLON_GATEWAY_HEARTBEAT_MS: '200',
      CARILLON_GATEWAY_TIMEOUT_MS: '1s',
      CARILLON_LEASE_TTL_MS: '1s',
    },
  });
  closers.push(() => services.stop());
  const all = [...services.gateways, ...services.routers, ...services.persistence];
  const ports = services.gateways.map(({ port }) => port);
  const ledger = new Ledger();
  const clients: RealtimeClient[] = [];
  closers.push(() => {
    for (const client of clients) client.close();
  });
  const names = ports.map((_, i) => `subscriber-${i}`);
  for (const [i, port] of ports.entries())
    clients.push(await startSubscriber(names[i]!, port, CHANNELS, ledger));
  const publisher = await connectClient('publisher', ports[0]!);
  clients.push(publisher);
  const run = startPublishing('publisher', publisher, CHANNELS, ledger, 20);
  closers.push(() => run.abandon());
  const traffic = async (what: string): Promise<void> => {
    const goal = ledger.accepted.length + STEP;
    await eventually(() => ledger.accepted.length >= goal, { what, timeoutMs: 30_000 });
  };
  await traffic('traffic before');
  // A router that stood still gets its partitions back a moment later; without partitions it has no metrics of
  // gateways.
  for (const { port } of services.routers)
    await eventually(async () => ((await metricOf(port, 'carillon_router_leases_held')) ?? 0) > 0, {
      what: 'every router has partitions',
    });

  await refuse();
  const backEnd = new BackendClient({
    url: `http://127.0.0.1:${ports[0]}`,
    jwtSecret: JWT_SECRET,
    retry: { maxAttempts: 1 },
  });
  let refusal: unknown;
  await eventually(
    async () => {
      refusal = await backEnd.publish('other:a', 1).catch((error: unknown) => error);
      // One that was under way when Redis ended has an outcome that nobody knows.
      return refusal instanceof ApiError && refusal.code !== 'OUTCOME_UNKNOWN';
    },
    { what: 'publishes are refused' },
  );
  expect(refusal).toMatchObject({ code: 'UNAVAILABLE', retryable: true, status: 503 });
  for (const service of all)
    await eventually(async () => (await readinessOf(service)).text.includes(health), {
      what: `${service.name} says "${health}"`,
    });
  await eventually(() => services.routers.every(({ output }) => output.includes(routerLogs)), {
    what: `the routers log "${routerLogs}"`,
  });
  await eventually(
    () => [...services.gateways, ...services.routers].every(({ output }) => output.includes(logs)),
    { what: `"${logs}" is logged` },
  );

  await recover();
  await traffic('traffic after');
  await run.finish();
  for (const name of names)
    await eventually(() => ledger.hasAll(name), {
      what: `${name} has every accepted message`,
      timeoutMs: 30_000,
    });
  expect(ledger.violations(names)).toEqual([]);
  expect(ledger.unresolved.size).toBe(0);
  const stored = async () => new Set((await storedMessages(postgres.url)).values());
  await eventually(
    async () => {
      const keys = await stored();
      return ledger.accepted.every(({ key }) => keys.has(key));
    },
    { what: 'every accepted message is in Postgres', timeoutMs: 30_000 },
  );
  for (const service of all) {
    await eventually(async () => !(await readinessOf(service)).text.includes('"ok":false'), {
      what: `${service.name} has nothing to complain about`,
      timeoutMs: 30_000,
    });
    expect(service.output).not.toContain('"level":"fatal"');
  }
}

const set = (redis: TestRedis, name: string, value: string) =>
  redisCommand(redis, 'CONFIG', 'SET', name, value);

describe('a Redis that refuses', () => {
  it('OOM: its memory is full', { timeout: 240_000 }, async () => {
    const redis = await startRedis({ appendonly: true });
    closers.push(() => redis.stop());
    await goThrough(redis, {
      refuse: () => set(redis, 'maxmemory', '1'),
      recover: () => set(redis, 'maxmemory', '0'),
      health: 'of its maxmemory: publishes are refused',
      logs: 'OOM command not allowed',
      // Removing is possible without memory, saying that one is alive is not.
      routerLogs: 'removed gateways that were silent for too long',
    });
  });

  it('MISCONF: it can not write to its disk', { timeout: 240_000 }, async () => {
    const redis = await startRedis({
      appendonly: true,
      config: { save: '3600 1000000', 'enable-protected-configs': 'yes' },
    });
    closers.push(() => redis.stop());
    const [, dir] = (await redisCommand(redis, 'CONFIG', 'GET', 'dir')) as readonly [string, string];
    await goThrough(redis, {
      refuse: async () => {
        const gone = await mkdtemp(join(tmpdir(), 'carillon-gone-'));
        await set(redis, 'dir', gone);
        await rm(gone, { recursive: true });
        await redisCommand(redis, 'BGSAVE');
      },
      recover: async () => {
        await set(redis, 'dir', dir);
        await redisCommand(redis, 'BGSAVE');
      },
      health: 'publishes are refused (MISCONF)',
      logs: 'MISCONF',
      routerLogs: 'loop is critical',
    });
  });

  it('LOADING: it reads its file', { timeout: 240_000 }, async () => {
    // Takes its time for each key, and answers in between.
    const config = {
      'key-load-delay': '40000',
      'loading-process-events-interval-bytes': '1024',
      'enable-debug-command': 'yes',
    };
    const redis = await startRedis({ appendonly: true, config });
    closers.push(() => redis.stop());
    let loaded: Promise<void> | undefined;
    await goThrough(redis, {
      refuse: async () => {
        // So many that it reads until it is told to hurry.
        await redisCommand(redis, 'DEBUG', 'POPULATE', 3000, 'filler', 512);
        await redisCommand(redis, 'BGREWRITEAOF');
        const info = async () => String(await redisCommand(redis, 'INFO', 'persistence'));
        await eventually(async () => (await info()).includes('aof_rewrite_in_progress:0'), {
          what: 'it is rewritten',
        });
        loaded = redis.restart();
      },
      recover: async () => {
        await set(redis, 'key-load-delay', '0');
        await loaded;
      },
      health: 'reading its file (LOADING)',
      logs: 'Redis is away',
      routerLogs: 'loop is critical',
    });
  });
});
