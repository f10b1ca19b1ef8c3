/** The contract on a real cluster of three nodes. */
import { slotOf } from '@carillon/redis';
import { type RedisCluster, redisCommand, startRedisCluster } from '@carillon/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ContractSetup, describeBrokerContract } from '../../contract/broker-contract.suite.ts';
import { describeBrokerModel } from '../../contract/broker-model.suite.ts';
import { describeOccupancyContract } from '../../contract/occupancy-contract.suite.ts';
import { describeRequestsContract } from '../../contract/requests-contract.suite.ts';
import type { Broker, BrokerLimits } from '../../ports.ts';
import { createRedisBroker } from '../redis-broker.ts';
import { ClusterKeys } from './cluster-keys.ts';

const PARTITIONS = 4;

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
}, 60_000);
afterAll(() => cluster?.stop());

const openBroker = (partitions: number, limits: Partial<BrokerLimits> = {}): Broker =>
  createRedisBroker({ url: cluster.url, partitions, limits, logger: pino({ level: 'silent' }) });

const createSetup = async (limits: Partial<BrokerLimits> = {}): Promise<ContractSetup> => {
  await Promise.all(cluster.nodes.map((node) => redisCommand(node, 'FLUSHALL')));
  const opened: Broker[] = [];
  return {
    open: async () => {
      const broker = openBroker(PARTITIONS, limits);
      await broker.start();
      opened.push(broker);
      return broker;
    },
    close: async () => {
      for (const broker of opened) await broker.stop();
    },
  };
};

describeBrokerContract('redis cluster', createSetup);
describeOccupancyContract('redis cluster', createSetup);
describeRequestsContract('redis cluster', createSetup);
describeBrokerModel('redis cluster', createSetup, { runs: 20 });

it('every node has keys, and another number of partitions is refused', async () => {
  const setup = await createSetup();
  const broker = await setup.open();
  await broker.publisher.publish(
    Array.from({ length: 40 }, (_, i) => ({
      channel: `app/${i}` as const,
      id: `${i}`,
      record: 'x',
      keeping: { history: undefined, durable: true },
    })),
  );
  const sizes = await Promise.all(cluster.nodes.map((node) => redisCommand(node, 'DBSIZE')));
  for (const size of sizes) expect(Number(size)).toBeGreaterThan(3);
  const other = openBroker(PARTITIONS + 1);
  await expect(other.start()).rejects.toMatchObject({ code: 'PARTITIONS_DIFFER' });
  await other.stop();
  await setup.close();
});

it('a node that stands still does not hold up the holds of routers on the other partitions', {
  timeout: 30_000,
}, async () => {
  const setup = await createSetup();
  const { router } = await setup.open();
  await router.announce('r1', 60_000);
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const leases = (await Promise.all(all.map((partition) => router.acquire(partition, 'r1', 60_000)))).filter(
    (lease) => lease !== undefined,
  );
  expect(leases).toHaveLength(PARTITIONS);
  const ownerOf = (partition: number) =>
    cluster.ownerOf(slotOf(new ClusterKeys('carillon', partition, PARTITIONS).base(partition)));
  const owners = await Promise.all(all.map(ownerOf));
  const node = owners[0]!;
  node.pause();
  try {
    const beganMs = performance.now();
    expect(await router.announce('r1', 60_000)).toEqual(['r1']);
    const renewed = await router.renew(leases, 60_000);
    expect(renewed.map(({ partition }) => partition)).toEqual(all.filter((i) => owners[i] !== node));
    expect(await router.owners()).toEqual(owners.map((owner) => (owner === node ? undefined : 'r1')));
    expect(await router.acquire(0, 'r1', 60_000)).toBeUndefined();
    expect(performance.now() - beganMs).toBeLessThan(4 * 1000 + 900);
  } finally {
    node.resume();
  }
  await setup.close();
});

it('user and password of the URL are for every node', { timeout: 30_000 }, async () => {
  const rights = ['on', '>secret@1', '~*', '&*', '+@all'];
  for (const node of cluster.nodes) await redisCommand(node, 'ACL', 'SETUSER', 'carillon', ...rights);
  const open = (password: string): Broker =>
    createRedisBroker({
      url: cluster.url.replace('://', `://carillon:${password}@`),
      partitions: PARTITIONS,
      logger: pino({ level: 'silent' }),
    });
  const [right, wrong] = [open('secret%401'), open('other')];
  await right.start();
  for (const node of cluster.nodes)
    expect(String(await redisCommand(node, 'CLIENT', 'LIST'))).toContain('user=carillon');
  await expect(wrong.start(AbortSignal.timeout(1000))).rejects.toThrow();
  await right.stop();
  await wrong.stop();
});
