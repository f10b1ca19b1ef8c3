import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { type ContractSetup, describeBrokerContract } from '../contract/broker-contract.suite.ts';
import { describeBrokerModel } from '../contract/broker-model.suite.ts';
import { describeOccupancyContract } from '../contract/occupancy-contract.suite.ts';
import { describeStoredCursors } from '../contract/stored-cursors-contract.suite.ts';
import type { Broker, BrokerLimits } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ appendonly: true });
});
afterAll(() => redis.stop());

const createSetup = async (limits: Partial<BrokerLimits> = {}): Promise<ContractSetup> => {
  const admin = new Redis(redis.url);
  await admin.flushdb();
  admin.disconnect();
  const opened: Broker[] = [];
  return {
    open: async () => {
      const broker = createRedisBroker({
        url: redis.url,
        partitions: 4,
        limits,
        logger: pino({ level: 'silent' }),
      });
      await broker.start();
      opened.push(broker);
      return broker;
    },
    close: async () => {
      for (const broker of opened) await broker.stop();
    },
  };
};

describeBrokerContract('redis', createSetup);
describeStoredCursors('redis', createSetup);
describeOccupancyContract('redis', createSetup);
describeBrokerModel('redis', createSetup, { runs: 40 });
