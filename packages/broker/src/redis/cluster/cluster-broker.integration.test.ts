/** The contract on a real cluster of three nodes. */
import { type RedisCluster, redisCommand, startRedisCluster } from '@carillon/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ContractSetup, describeBrokerContract } from '../../contract/broker-contract.suite.ts';
import { describeBrokerModel } from '../../contract/broker-model.suite.ts';
import { describeOccupancyContract } from '../../contract/occupancy-contract.suite.ts';
import { describeRequestsContract } from '../../contract/requests-contract.suite.ts';
import type { Broker, BrokerLimits } from '../../ports.ts';
import { createRedisBroker } from '../redis-broker.ts';

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
