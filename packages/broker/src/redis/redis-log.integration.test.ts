import { redisCommand, startRedis, type TestRedis } from '@carillon/testing';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Broker } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
let broker: Broker;
let log: string[];

beforeEach(async () => {
  redis = await startRedis();
  log = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => log.push(line) });
  broker = createRedisBroker({ url: redis.url, partitions: 4, logger });
  await broker.start();
});

afterEach(async () => {
  await broker.stop();
  await redis.stop();
});

const claim = () => broker.log.claim('worker', { minIdleMs: 0, count: 10 });
const read = () => broker.log.read('worker', { count: 10, blockMs: 1 });

it('makes its consumer groups in a new Redis without a word, whoever comes first', async () => {
  await Promise.all([claim(), read(), claim()]);
  expect(log).toEqual([]);
});

it('says so when they vanish later, and makes them again', async () => {
  await Promise.all([claim(), read()]);
  await redisCommand(redis, 'FLUSHALL');
  expect(await claim()).toEqual([]);
  expect(await read()).toEqual([]);
  const told = log.filter((line) => line.includes('the consumer group of the log is gone'));
  expect(told).toHaveLength(1);
});
