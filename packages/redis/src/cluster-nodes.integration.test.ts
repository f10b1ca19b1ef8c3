import { eventually, type RedisCluster, startRedisCluster } from '@carillon/testing';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ClusterAddress, readRedisAddress } from './address.ts';
import { ClusterNodes } from './cluster-nodes.ts';
import { connectionOptions } from './connection-options.ts';
import { slotOf } from './slots.ts';

let cluster: RedisCluster;
beforeEach(async () => {
  cluster = await startRedisCluster({ appendonly: true });
}, 60_000);
afterEach(() => cluster?.stop());

const addressOf = (port: number): ClusterAddress =>
  readRedisAddress(`redis+cluster://127.0.0.1:${port}`) as ClusterAddress;
const LAST_SLOT = 16_383;
/** Nodes that are gone refuse at once; one that is only slow is not to be given up. */
const PATIENCE_MS = 30_000;

it('one seed is enough, and may go when the others are known', async () => {
  const [seed, , last] = cluster.nodes;
  const nodes = new ClusterNodes(addressOf(seed!.port), PATIENCE_MS);
  expect(await nodes.primaryOf(LAST_SLOT)).toEqual({ host: '127.0.0.1', port: last!.port });
  await seed!.kill();
  expect(await nodes.primaryOf(LAST_SLOT)).toEqual({ host: '127.0.0.1', port: last!.port });
  const stranger = new ClusterNodes(addressOf(seed!.port));
  await expect(stranger.primaryOf(LAST_SLOT)).rejects.toThrow(
    'no node of the cluster says who has the slots',
  );
});

it('a connection waits for a cluster that is not there yet, and leads to the node of its slot', {
  timeout: 120_000,
}, async () => {
  const key = 'carillon:{p1}:';
  const owner = await cluster.ownerOf(slotOf(key));
  const faults: string[] = [];
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  const redis = new Redis({
    ...connectionOptions(addressOf(cluster.nodes[0]!.port), { key }),
    lazyConnect: true,
    retryStrategy: () => 50,
  });
  redis.on('error', ({ message }) => faults.push(message));
  redis.connect().catch(() => undefined); // the `error` event has it, the retry goes on
  await eventually(() => faults.length > 2, { what: 'it tries again' });
  expect(new Set(faults)).toEqual(new Set(['no node of the cluster says who has the slots']));
  await Promise.all(cluster.nodes.map((node) => node.restart()));
  await eventually(() => redis.status === 'ready', { what: 'it is connected' });
  await eventually(
    () =>
      redis.set(`${key}x`, 1).then(
        () => true,
        () => false, // CLUSTERDOWN, until the nodes have found each other
      ),
    { what: 'it is the node of the slot' },
  );
  expect(await redis.info('server')).toContain(`tcp_port:${owner.port}`);
  redis.disconnect();
});
