/** Faults of a Redis Cluster: each shard is a primary and its replica, which change places. */
import { setTimeout as pause } from 'node:timers/promises';
import { type ClusterNode, eventually, redisCommand, stopReplication } from '@carillon/testing';
import type { Fault, Faults } from './fault.ts';
import { type Installation, redisClusterOf, SHARDS, slotOfShard } from './installation.ts';

const SYNC_TIMEOUT_MS = 30_000;
const BETWEEN_STEPS_MS = 1000;
const shardOf = (target: string): number => Number(target.slice('shard-'.length));

const SHARD = {
  targets: Array.from({ length: SHARDS }, (_, i) => `shard-${i}`),
  only: 'cluster',
} as const satisfies Partial<Fault>;

interface Members {
  readonly primary: ClusterNode;
  readonly replica: ClusterNode;
}

async function membersOf(installation: Installation, target: string): Promise<Members> {
  const cluster = redisClusterOf(installation);
  const shard = shardOf(target);
  const primary = await cluster.ownerOf(slotOfShard(shard));
  const replica = [cluster.nodes[shard]!, cluster.nodes[shard + SHARDS]!].find((node) => node !== primary)!;
  return { primary, replica };
}

/** A node that came back is the primary, or has all that the primary has. */
async function settled(node: ClusterNode): Promise<void> {
  const isSettled = async (): Promise<boolean> => {
    const info = String(await redisCommand(node, 'INFO', 'replication'));
    return info.includes('role:master') || info.includes('master_link_status:up');
  };
  await eventually(() => isSettled().catch(() => false), {
    what: 'a node that came back has everything',
    timeoutMs: SYNC_TIMEOUT_MS,
  });
}

async function restart(node: ClusterNode): Promise<void> {
  await node.restart();
  await settled(node);
}

/** For longer than the others take it for alive, or not. */
const killed =
  (role: keyof Members): Fault['strike'] =>
  async (installation, target) => {
    const node = (await membersOf(installation, target))[role];
    await node.kill();
    return () => restart(node);
  };

export const CLUSTER_FAULTS: Faults = {
  'primary killed': {
    ...{ ...SHARD, durationMs: [100, 800], weight: 4, failsOver: true },
    strike: killed('primary'),
  },
  'primary killed for long': {
    ...{ ...SHARD, durationMs: [4000, 9000], weight: 4, failsOver: true },
    strike: killed('primary'),
  },
  'primary frozen': {
    ...{ ...SHARD, durationMs: [200, 8000], weight: 3, failsOver: true },
    strike: async (installation, target) => {
      const { primary } = await membersOf(installation, target);
      primary.pause();
      return async () => {
        primary.resume();
        await settled(primary);
      };
    },
  },
  'replica killed': {
    ...{ ...SHARD, durationMs: [100, 4000] },
    strike: killed('replica'),
  },
  'replica promoted': {
    ...{ ...SHARD, durationMs: [500, 3000], weight: 4, failsOver: true },
    strike: async (installation, target) => {
      const { primary, replica } = await membersOf(installation, target);
      // Refused while it is not in step with its primary: then the next wave comes.
      await redisCommand(replica, 'CLUSTER', 'FAILOVER').catch(() => undefined);
      return () => settled(primary);
    },
  },
};

export const CLUSTER_LOSS_FAULTS: Faults = {
  'lagging replica promoted': {
    ...{ ...SHARD, durationMs: [4000, 9000], weight: 4, losesData: true },
    strike: async (installation, target) => {
      const { primary, replica } = await membersOf(installation, target);
      await stopReplication(primary, replica);
      await pause(BETWEEN_STEPS_MS);
      await primary.kill();
      return async () => {
        await redisCommand(replica, 'CONFIG', 'SET', 'masterauth', '');
        await restart(primary);
      };
    },
  },
  'shard flushed': {
    ...{ ...SHARD, durationMs: [0, 500], weight: 2, losesData: true },
    strike: (installation, target) => async () => {
      const { primary } = await membersOf(installation, target);
      await redisCommand(primary, 'FLUSHALL');
    },
  },
};
