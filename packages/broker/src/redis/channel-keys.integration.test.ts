import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LossGateway } from './loss-gateway.suite.ts';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
let admin: Redis;
let gateways: LossGateway[];

const open = async (name: string): Promise<LossGateway> => {
  const broker = createRedisBroker({
    url: redis.url,
    partitions: 2,
    limits: { directLaneMaxGateways: 1 },
    logger: pino({ level: 'silent' }),
  });
  await broker.start();
  const gateway = new LossGateway(broker, name);
  gateways.push(gateway);
  await gateway.feed.start(gateway);
  return gateway;
};

beforeEach(async () => {
  redis = await startRedis();
  admin = new Redis(redis.url);
  gateways = [];
});

afterEach(async () => {
  for (const { broker, feed } of gateways) {
    await feed.stop();
    await broker.stop();
  }
  admin.disconnect();
  await redis.stop();
});

it('names that are subscribed to and left leave no key behind, also with many gateways', async () => {
  const [one, two] = [await open('one'), await open('two')];
  const before = (await admin.keys('*')).toSorted();
  const names = Array.from({ length: 1000 }, (_, i) => `app/guess-${i}` as const);
  await one.feed.subscribe(names);
  await two.feed.subscribe(names.slice(0, 100));
  await two.feed.unsubscribe(names.slice(0, 100));
  await one.feed.unsubscribe(names);
  for (const partition of [0, 1]) {
    const { broker } = one;
    const lease = (await broker.router.acquire(partition, 'router', 10_000))!;
    const entries = await broker.router.read([lease], { count: 1000, blockMs: 1 });
    const last = entries.at(-1);
    if (last !== undefined) await broker.router.commit(lease, last.entryId);
    await broker.router.narrow(lease, 1, names);
    await broker.router.release([lease]);
  }
  const left = (await admin.keys('*')).filter((key) => !before.includes(key));
  expect(left.filter((key) => key.includes('guess'))).toEqual([]);
});

it('a gateway that leaves takes its empty channels with it', async () => {
  const one = await open('one');
  await one.feed.subscribe(['app/empty', 'app/used']);
  await one.publish('1', { channel: 'app/used' });
  await one.feed.stop();
  expect((await admin.keys('*c:app/*')).map((key) => key.slice(key.indexOf('app/')))).toEqual(['app/used']);
});
