import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Broker } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
let broker: Broker;

beforeAll(async () => {
  redis = await startRedis({ appendonly: true });
  broker = createRedisBroker({ url: redis.url, partitions: 1, logger: pino({ level: 'silent' }) });
  await broker.start();
});

afterAll(async () => {
  await broker.stop();
  await redis.stop();
});

const set = async (name: string, value: string): Promise<void> => {
  const admin = new Redis(redis.url);
  await admin.config('SET', name, value);
  admin.disconnect();
};

it('has nothing to say about a Redis that is as it should be', async () => {
  expect(await broker.status()).toEqual({ kind: 'redis', ready: true, problems: [] });
});

it('names a policy that evicts, and memory that is used up', async () => {
  await set('maxmemory-policy', 'allkeys-lru');
  expect(await broker.status()).toMatchObject({
    ready: true,
    problems: [expect.stringContaining('allkeys-lru')],
  });
  await set('maxmemory-policy', 'noeviction');
  await set('maxmemory', '1000');
  expect(await broker.status()).toMatchObject({
    ready: false,
    problems: [expect.stringMatching(/maxmemory: publishes are refused/)],
  });
  await set('maxmemory', '0');
  expect((await broker.status()).problems).toEqual([]);
});
