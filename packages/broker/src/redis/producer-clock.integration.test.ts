import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Publication, PublishOutcome } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** The effect on keys of a clock set forward: each has that much less time left. */
async function setForward(url: string, ms: number): Promise<void> {
  const admin = new Redis(url);
  for (const key of await admin.keys('*')) {
    const leftMs = await admin.pttl(key);
    if (leftMs >= 0) await admin.pexpire(key, leftMs - ms);
  }
  admin.disconnect();
}

it('remembers producers for as long as it promises, though the clock of Redis is set forward by minutes', async () => {
  const broker = createRedisBroker({ url: redis.url, partitions: 1, logger: pino({ level: 'silent' }) });
  await broker.start();
  const publish = async (): Promise<PublishOutcome> => {
    const publication: Publication = {
      channel: 'app/a',
      id: 'm-1',
      record: '{}\n1',
      keeping: { history: { maxMessages: 10, ttlMs: 86_400_000 }, durable: false },
      dedupe: { kind: 'producer', producer: 'p', seq: 1, prev: 0, fingerprint: 1 },
    };
    const [outcome] = await broker.publisher.publish([publication]);
    return outcome!;
  };
  const first = await publish();
  await setForward(redis.url, 11 * 60_000);
  expect(await publish()).toEqual({ ...first, duplicate: true });
  await setForward(redis.url, 70 * 60_000);
  expect(await publish()).toMatchObject({ seq: 2, duplicate: false });
  await broker.stop();
});
