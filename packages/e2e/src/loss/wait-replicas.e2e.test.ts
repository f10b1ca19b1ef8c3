/** D7, case k: publishing waits for a replica (WAIT), and a failover is planned: nobody dies, and nothing is stored twice. */
import { partitionTag, slotOf } from '@carillon/redis';
import { eventually, redisCommand, startRedisCluster, startSentinelledRedis } from '@carillon/testing';
import { afterAll, beforeAll, it } from 'vitest';
import { Scenes } from './scene.ts';

const CHANNELS = ['waiting:a', 'waiting:b'];
/** As scenes have them: all channels lie in the first. */
const PARTITIONS = 1;
const PRIMARIES = 3;

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterAll(() => scenes.stop());

interface FailingOver {
  readonly url: string;
  /** Resolves when another is the primary. */
  failOver(): Promise<void>;
}

async function onSentinel(): Promise<FailingOver> {
  const redis = await startSentinelledRedis({ appendonly: true });
  scenes.closing(() => redis.stop());
  return redis;
}

async function onCluster(): Promise<FailingOver> {
  const cluster = await startRedisCluster({ appendonly: true, primaries: PRIMARIES, replicas: 1 });
  scenes.closing(() => cluster.stop());
  const slot = slotOf(`{${partitionTag(0, PARTITIONS)}}`);
  const primary = await cluster.ownerOf(slot);
  const replica = cluster.nodes[cluster.nodes.indexOf(primary) + PRIMARIES]!;
  const failOver = async (): Promise<void> => {
    await redisCommand(replica, 'CLUSTER', 'FAILOVER');
    await eventually(async () => (await cluster.ownerOf(slot, replica)) === replica, {
      what: 'the replica is the primary',
      timeoutMs: 30_000,
    });
  };
  return { url: cluster.url, failOver };
}

// With Sentinel the old primary has no replica until it is demoted, and no outcome is known for as long.
it.concurrent.each([
  { where: 'on Sentinel', start: onSentinel },
  { where: 'on a cluster', start: onCluster },
])(
  '[D7] what has an unknown outcome, and is stored, is not stored again when its publisher repeats it, $where',
  {
    timeout: 180_000,
  },
  async ({ start }) => {
    const redis = await start();
    const scene = await scenes.open(redis, { env: { CARILLON_REDIS_WAIT_REPLICAS: '1' } });
    const { stage, gateways } = scene;
    for (const [i, gateway] of gateways.entries()) {
      const place = { gateway, channels: CHANNELS };
      await stage.subscriber(`sdk-${i}`, place).start();
      await (await stage.bareSubscriber(`bare-${i}`, place)).start();
      (await stage.publisher(`p${i}`, place, { wantsStored: true })).start(10, { maxWaiting: 200 });
    }
    await stage.traffic(200);
    await redis.failOver();
    await stage.traffic(400, 40_000).catch(() => undefined); // publishers that are stuck are found by the checker
    await scene.expectSound();
  },
);
