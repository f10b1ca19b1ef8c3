import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

it("gives a channel that lost its state a later epoch, though the process's clock went back by minutes", async () => {
  const broker = createRedisBroker({ url: redis.url, partitions: 1, logger: pino({ level: 'silent' }) });
  await broker.start();
  const publish = async (): Promise<string> => {
    const [outcome] = await broker.publisher.publish([
      { channel: 'app/a', id: '1', record: '{}\n1', keeping: { history: undefined, durable: false } },
    ]);
    return outcome?.status === 'accepted' ? outcome.epoch : `refused: ${outcome?.status}`;
  };
  const first = await publish();
  expect(first).toMatch(/^[0-9a-z]{12}$/);
  expect(Math.abs(Number.parseInt(first.slice(0, 8), 36) - Date.now())).toBeLessThan(60_000);

  const admin = new Redis(redis.url);
  await admin.del('carillon:{p0}:c:app/a');
  admin.disconnect();
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 180_000);
  const second = await publish();
  vi.restoreAllMocks();
  expect(second > first).toBe(true);
  await broker.stop();
});
