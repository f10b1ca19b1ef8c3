/** The contract on a real cluster of three nodes. */
import { slotOf } from '@carillon/redis';
import { type RedisCluster, redisCommand, startRedisCluster } from '@carillon/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ContractSetup, describeBrokerContract } from '../../contract/broker-contract.suite.ts';
import { describeBrokerModel } from '../../contract/broker-model.suite.ts';
import { describeControlContract } from '../../contract/control-contract.suite.ts';
import { describeOccupancyContract } from '../../contract/occupancy-contract.suite.ts';
import { acquired, POLL } from '../../contract/patience.suite.ts';
import { describeRequestsContract } from '../../contract/requests-contract.suite.ts';
import { describeStoredCursors } from '../../contract/stored-cursors-contract.suite.ts';
import type { Broker, BrokerLimits } from '../../ports.ts';
import { createRedisBroker } from '../redis-broker.ts';
import type { RedisBrokerOptions } from '../redis-broker-options.ts';
import { ClusterKeys } from './cluster-keys.ts';

const PARTITIONS = 4;

let cluster: RedisCluster;
beforeAll(async () => {
  // None is to be taken for gone that only stood still for a moment.
  cluster = await startRedisCluster({ config: { 'cluster-node-timeout': '30000' } });
}, 60_000);
afterAll(() => cluster?.stop());

const openBroker = (partitions: number, options: Partial<RedisBrokerOptions> = {}): Broker =>
  createRedisBroker({ url: cluster.url, partitions, logger: pino({ level: 'silent' }), ...options });

const createSetup = async (limits: Partial<BrokerLimits> = {}): Promise<ContractSetup> => {
  await Promise.all(cluster.nodes.map((node) => redisCommand(node, 'FLUSHALL')));
  const opened: Broker[] = [];
  return {
    open: async () => {
      const broker = openBroker(PARTITIONS, { limits });
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
describeStoredCursors('redis cluster', createSetup);
describeOccupancyContract('redis cluster', createSetup);
describeRequestsContract('redis cluster', createSetup);
describeControlContract('redis cluster', createSetup);
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

it('a node that stands still does not hold up the holds of routers on the other partitions', async () => {
  await createSetup();
  // Longer than this test may take: who waits for the answer of that node does not come back.
  const broker = openBroker(PARTITIONS, { commandTimeoutMs: 120_000 });
  await broker.start();
  const { router } = broker;
  await router.announce('r1', 60_000);
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const leases = await Promise.all(all.map((partition) => acquired(router, partition, 'r1')));
  const ownerOf = (partition: number) =>
    cluster.ownerOf(slotOf(new ClusterKeys('carillon', partition, PARTITIONS).base(partition)));
  const owners = await Promise.all(all.map(ownerOf));
  const node = owners[0]!;
  node.pause();
  try {
    expect(await router.announce('r1', 60_000)).toEqual(['r1']);
    // Another node that is slow for a moment counts as away, too.
    const renewed = async () => (await router.renew(leases, 60_000)).map(({ partition }) => partition);
    await expect.poll(renewed, POLL).toEqual(all.filter((i) => owners[i] !== node));
    await expect
      .poll(() => router.owners(), POLL)
      .toEqual(owners.map((owner) => (owner === node ? undefined : 'r1')));
    expect(await router.acquire(0, 'r1', 60_000)).toBeUndefined();
  } finally {
    node.resume();
  }
  await broker.stop();
});

it('a process that stood still itself takes what was answered meanwhile', async () => {
  const setup = await createSetup();
  const { router } = await setup.open();
  const lease = await acquired(router, 0, 'r1');
  const renewing = router.renew([lease], 60_000);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
  expect(await renewing).toEqual([lease]);
  await setup.close();
});

it('user and password of the URL are for every node', async () => {
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
