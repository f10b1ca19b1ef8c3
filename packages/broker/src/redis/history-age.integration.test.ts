import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Broker } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

const CHANNEL = 'app/a';
const STATE = `carillon:{p0}:c:${CHANNEL}`;
const TTL_MS = 3_600_000;

let redis: TestRedis;
let admin: Redis;
let broker: Broker;

beforeEach(async () => {
  redis = await startRedis();
  admin = new Redis(redis.url);
  broker = createRedisBroker({ url: redis.url, partitions: 1, logger: pino({ level: 'silent' }) });
  await broker.start();
});

afterEach(async () => {
  await broker.stop();
  admin.disconnect();
  await redis.stop();
});

const publish = async (record: string): Promise<void> => {
  const keeping = { history: { maxMessages: 1000, ttlMs: TTL_MS }, durable: false };
  const [outcome] = await broker.publisher.publish([{ channel: CHANNEL, id: record, record, keeping }]);
  expect(outcome?.status).toBe('accepted');
};

const seqs = async (): Promise<readonly number[]> => {
  const { entries } = await broker.history.range(CHANNEL, { from: 1, to: 100, limit: 100 });
  return entries.map(({ seq }) => seq);
};

/** As if the messages up to `seq` had been published so long ago. */
const age = async (seq: number, agoMs: number): Promise<void> => {
  await admin.hset(STATE, 't', `${TTL_MS} ${Date.now() - agoMs}:${seq}`, 'x', Date.now() - agoMs);
};

it('[C10] messages that are too old are gone, although newer ones came all the time', async () => {
  for (const record of ['1', '2', '3']) await publish(record);
  await age(2, TTL_MS / 2);
  await publish('4');
  expect(await seqs()).toEqual([1, 2, 3, 4]);
  await age(2, TTL_MS + 60_000);
  expect(await seqs()).toEqual([3, 4]);
});

it('[C10] and are taken out of Redis by the next message, without anybody reading', async () => {
  for (const record of ['1', '2', '3']) await publish(record);
  await age(3, TTL_MS + 60_000);
  await publish('4');
  expect(await admin.xlen(`carillon:{p0}:h:${CHANNEL}`)).toBe(1);
  const [marks] = await admin.hmget(STATE, 't');
  expect(marks).toMatch(/ \d+:4$/);
});

it('[C10] a burst goes by its own age, not by that of the message after a pause', async () => {
  for (const record of ['1', '2', '3']) await publish(record);
  // The mark of the first message, and nothing since then until now.
  await age(1, TTL_MS - 1000);
  await publish('4');
  const [marks] = await admin.hmget(STATE, 't');
  const times = [...marks!.matchAll(/(\d+):(\d+)/g)].map(([, time, seq]) => [Number(seq), Number(time)]);
  expect(times.map(([seq]) => seq)).toEqual([1, 3, 4]);
  expect(times[1]![1]! - times[0]![1]!).toBe(TTL_MS / 8);
});

it('notes how far a channel was at most eight times in a retention', async () => {
  for (let n = 0; n < 50; n++) await publish(`${n}`);
  const [mark] = await admin.hmget(STATE, 't');
  expect(mark!.split(' ').length).toBe(2);
});
