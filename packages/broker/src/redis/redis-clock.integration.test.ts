import { startRedis, type TestRedis } from '@carillon/testing';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(() => vi.restoreAllMocks());

it('gives the time of Redis, whatever the clock of this machine says', async () => {
  const real = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => real() - 180_000);
  const broker = createRedisBroker({ url: redis.url, logger: pino({ level: 'silent' }) });
  await broker.start();
  expect(Math.abs(broker.nowMs() - real())).toBeLessThan(60_000);
  await broker.stop();
});
