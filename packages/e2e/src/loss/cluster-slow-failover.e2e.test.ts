/** D7, case i, on a Redis Cluster: with its default node timeout of 15 s, and quickly. */
import { partitionTag, slotOf } from '@carillon/redis';
import { type RedisCluster, redisCommand, startRedisCluster, stopReplication } from '@carillon/testing';
import { afterAll, beforeAll, it } from 'vitest';
import { Scenes } from './scene.ts';
import { type FailingOver, failSlowly, QUICK_HEARTBEATS } from './slow-failover.ts';

/** Two on each primary. */
const PARTITIONS = 6;
const PRIMARIES = 3;

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterAll(() => scenes.stop());

/** The first primary fails, with all partitions that it has. */
async function firstPrimaryOf(cluster: RedisCluster): Promise<FailingOver> {
  const primary = cluster.nodes[0]!;
  const replica = cluster.nodes[PRIMARIES]!;
  const asked = cluster.nodes[1]!;
  const slots = Array.from({ length: PARTITIONS }, (_, i) => slotOf(`{${partitionTag(i, PARTITIONS)}}`));
  const owners = await Promise.all(slots.map((slot) => cluster.ownerOf(slot)));
  const [first, second] = owners.flatMap((owner, i) => (owner === primary ? [i] : []));
  return {
    ...{ url: cluster.url, partitions: PARTITIONS, failing: [first!, second!] },
    lag: () => stopReplication(primary, replica),
    fail: () => primary.kill(),
    isDown: async () => {
      const nodes = String(await redisCommand(asked, 'CLUSTER', 'NODES')).split('\n');
      return nodes.some((node) => node.startsWith(primary.id) && /\bfail\b(?!\?)/.test(node));
    },
    hasFailedOver: async () => (await cluster.ownerOf(slots[first!]!, asked)) === replica,
  };
}

it.concurrent.each([
  { nodeTimeoutMs: 15_000, env: {} },
  { nodeTimeoutMs: 1500, env: QUICK_HEARTBEATS },
])(
  '[D7] a lagging replica takes over when its primary was silent for $nodeTimeoutMs ms',
  {
    timeout: 240_000,
  },
  async ({ nodeTimeoutMs, env }) => {
    const cluster = await startRedisCluster({
      ...{ appendonly: true, primaries: PRIMARIES, replicas: 1 },
      config: { 'cluster-node-timeout': String(nodeTimeoutMs) },
    });
    scenes.closing(() => cluster.stop());
    await failSlowly(scenes, await firstPrimaryOf(cluster), env);
  },
);
