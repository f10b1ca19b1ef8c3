/** D1, D2, D3, D6 on Redis Cluster and Sentinel: nodes are killed, replicas promoted and slots moved while messages flow. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { partitionTag, slotOf } from '@carillon/redis';
import {
  type ClusterNode,
  eventually,
  type RedisCluster,
  redisCommand,
  startPostgres,
  startRedisCluster,
  startSentinelledRedis,
} from '@carillon/testing';
import { afterEach, expect, it } from 'vitest';
import type { Verdict } from './check/check.ts';
import { Stage } from './check/stage.ts';
import type { Expectations } from './check/verdict.ts';
import { migrate, startServices } from './services.ts';

const PARTITIONS = 3;
/** Wanted by both gateways, so in the routed lane. */
const WIDE = ['cluster:a', 'cluster:b', 'cluster:c', 'cluster:d', 'cluster:e', 'cluster:f'];
/** Wanted by one gateway: in the direct lane. */
const DIRECT = ['one:a', 'one:b', 'one:c', 'one:d', 'one:e', 'one:f'];
const BETWEEN_STEPS = 300;
const SETTLE_MS = 60_000;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Servers {
  readonly url: string;
  stop(): Promise<void>;
}

interface Scene<Redis extends Servers> {
  readonly redis: Redis;
  readonly stage: Stage;
  /** Ends the traffic and judges all of it. */
  judge(expectations?: Expectations): Promise<Verdict>;
}

const DURABLE = { appendonly: true, config: { appendfsync: 'always' } };

function startCluster(replicas: number): Promise<RedisCluster> {
  return startRedisCluster({
    ...DURABLE,
    replicas,
    config: { ...DURABLE.config, 'cluster-replica-validity-factor': '0' },
  });
}

async function begin<Redis extends Servers>(starting: Promise<Redis>): Promise<Scene<Redis>> {
  const [redis, postgres, folder] = await Promise.all([
    starting,
    startPostgres(),
    mkdtemp(join(tmpdir(), 'carillon-redis-cluster-')),
  ]);
  closers.push(
    () => rm(folder, { recursive: true, force: true }),
    () => redis.stop(),
    () => postgres.stop(),
  );
  await migrate(postgres.url);
  const services = await startServices({
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    admin: true,
    env: { CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1', CARILLON_PARTITIONS: String(PARTITIONS) },
  });
  closers.push(() => services.stop());
  const stage = new Stage(postgres.url, folder);
  closers.push(() => stage.close());
  for (const [i, gateway] of services.gateways.entries()) {
    const channels = i === 0 ? [...WIDE, ...DIRECT] : WIDE;
    await stage.subscriber(`subscriber-${i}`, { gateway, channels }).start();
    await (await stage.bareSubscriber(`bare-${i}`, { gateway, channels })).start();
    (await stage.publisher(`publisher-${i}`, { gateway, channels: [...WIDE, ...DIRECT] })).start(4);
  }
  await stage.traffic(BETWEEN_STEPS);
  const judge = (expectations: Expectations = {}): Promise<Verdict> =>
    stage.judge(expectations, { settleMs: SETTLE_MS, reader: services.gateways[0]! });
  return { redis, stage, judge };
}

function slotOfPartition(partition: number): number {
  return slotOf(`{${partitionTag(partition, PARTITIONS)}}`);
}

function expectSound({ violations }: Verdict): void {
  expect(violations).toEqual([]);
}

it('nodes are killed and come back, and slots of partitions move, while messages flow', {
  timeout: 300_000,
}, async () => {
  const { redis, stage, judge } = await begin(startCluster(0));
  for (const partition of [1, 0]) {
    const node = await redis.ownerOf(slotOfPartition(partition));
    await node.kill();
    // The other partitions keep accepting meanwhile.
    await stage.traffic(100);
    await node.restart();
    await stage.traffic(BETWEEN_STEPS);
  }
  for (const partition of [0, 2]) {
    const slot = slotOfPartition(partition);
    const from = await redis.ownerOf(slot);
    const to = redis.nodes.find((node) => node !== from)!;
    await redis.moveSlot(slot, to, () => pause(500));
    await stage.traffic(BETWEEN_STEPS);
    expect(await redis.ownerOf(slot, from)).toBe(to);
  }
  expectSound(await judge());
});

it('a primary is killed, its replica takes its place, and gives it back, while messages flow', {
  timeout: 300_000,
}, async () => {
  const { redis, stage, judge } = await begin(startCluster(1));
  const slot = slotOfPartition(1);
  const node = await redis.ownerOf(slot);
  const asked = redis.nodes.find((other) => other !== node)!;
  await node.kill();
  let next: ClusterNode = node;
  await eventually(
    async () => {
      next = await redis.ownerOf(slot, asked);
      return next !== node;
    },
    { what: 'a replica is promoted', timeoutMs: 60_000 },
  );
  await stage.traffic(BETWEEN_STEPS, 60_000);
  await node.restart();
  await eventually(
    async () => String(await redisCommand(node, 'INFO', 'replication')).includes('master_link_status:up'),
    { what: 'the restarted node is a replica and has everything', timeoutMs: 60_000 },
  );
  // The others don't vote again so soon: it may have to be asked for more than once.
  const isBack = async (): Promise<boolean> => (await redis.ownerOf(slot, asked)) === node;
  await eventually(
    async () => {
      // The last one may have come about after it was waited for: a primary refuses to be made one.
      if (await isBack()) return true;
      await redisCommand(node, 'CLUSTER', 'FAILOVER');
      return await eventually(isBack, { what: 'the primary again', timeoutMs: 2000 }).then(
        () => true,
        () => false,
      );
    },
    { what: 'the restarted node is the primary again', timeoutMs: 60_000 },
  );
  await stage.traffic(BETWEEN_STEPS, 60_000);
  // The replica may have lacked what was accepted last: that is said, and published again.
  expectSound(await judge({ dataLost: true }));
});

it('a sentinel makes the replica the primary, while messages flow', { timeout: 300_000 }, async () => {
  const { redis, stage, judge } = await begin(startSentinelledRedis(DURABLE));
  await redis.failOver();
  await stage.traffic(BETWEEN_STEPS, 60_000);
  await redis.primary.kill();
  await stage.traffic(BETWEEN_STEPS, 60_000);
  expectSound(await judge({ dataLost: true }));
});
