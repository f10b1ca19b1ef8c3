/** D7: Redis comes back with less than it had acknowledged. */
import { eventually, startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BrokerLimits, Publication } from '../ports.ts';
import { CHANNEL, type Got, KEPT, LossGateway } from './loss-gateway.suite.ts';
import { createRedisBroker } from './redis-broker.ts';

describe('Redis that lost its tail', { timeout: 120_000 }, () => {
  let redis: TestRedis;
  let admin: Redis;
  let gateways: LossGateway[];

  const open = async (name: string, limits: Partial<BrokerLimits> = {}): Promise<LossGateway> => {
    const broker = createRedisBroker({
      url: redis.url,
      partitions: 2,
      limits: { gatewayHeartbeatMs: 200, ...limits },
      logger: pino({ level: 'silent' }),
    });
    await broker.start();
    const gateway = new LossGateway(broker, name);
    gateways.push(gateway);
    await gateway.feed.start(gateway);
    return gateway;
  };
  const crash = async (): Promise<void> => {
    await redis.kill();
    await redis.restart();
  };

  beforeEach(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url, { lazyConnect: true });
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

  it('[PO3] gives epochs that sort after those it lost, though the clock of the next Redis is behind', async () => {
    const gateway = await open('one');
    const before = await gateway.publishPatiently('before');
    // An epoch as a Redis whose clock is an hour ahead would make it.
    const ahead = (Date.now() + 3_600_000).toString(36) + before.epoch.slice(8);
    const base = `carillon:{p${gateway.broker.partitionOf(CHANNEL)}}:`;
    await admin.hset(`${base}c:${CHANNEL}`, 'e', ahead);
    await gateway.feed.subscribe([CHANNEL]);
    await redis.restartEmpty();
    const after = await gateway.publishPatiently('after');
    expect(after.epoch > ahead).toBe(true);
    // A channel that expires gets another one each time.
    const epochs = new Set([after.epoch]);
    for (let n = 0; n < 3; n++) {
      await admin.del(`${base}c:${CHANNEL}`);
      epochs.add((await gateway.publishPatiently(`${n}`)).epoch);
    }
    expect(epochs.size).toBe(4);
    expect([...epochs].toSorted()).toEqual([...epochs]);
  });

  it('[D7] begins new epochs, publishes again what is held, in order, and gives no number twice', async () => {
    const [one, two] = [await open('one'), await open('two')];
    await two.feed.subscribe([CHANNEL]);
    const before = await one.publishPatiently('kept');
    await admin.save();
    for (let n = 1; n <= 20; n++) await one.publishPatiently(`lost-${n}`);
    await eventually(() => two.got.length === 21, { what: 'the other gateway has them' });
    await crash();
    const after = await two.publishPatiently('after');
    expect(after.epoch > before.epoch).toBe(true);
    await eventually(() => one.lost > 0 && two.lost > 0, { what: 'both gateways know' });
    await one.publishPatiently('after, too');
    const records = await one.records();
    expect(records.filter((record) => record.startsWith('lost'))).toEqual(
      Array.from({ length: 20 }, (_, i) => `lost-${i + 1}`),
    );
    expect(records).toContain('after');
    const contents = new Map<string, string>();
    for (const { epoch, seq, record } of two.got) {
      const name = `${epoch}:${seq}`;
      expect(contents.get(name) ?? record).toBe(record);
      contents.set(name, record);
    }
  });

  it('[D7] is noticed by a gateway that only received', async () => {
    const [one, two] = [await open('one'), await open('two')];
    await two.feed.subscribe([CHANNEL]);
    const { epoch } = await one.publishPatiently('kept');
    await admin.save();
    await one.publishPatiently('lost');
    await eventually(() => two.got.length === 2, { what: 'the other gateway has it' });
    await one.feed.stop();
    await one.broker.stop();
    gateways = [two];
    await crash();
    const after = await two.publishPatiently('after');
    expect(after.epoch > epoch).toBe(true);
  });

  it('[D7] lets a producer go on whose last messages nobody holds', async () => {
    const from = (seq: number, prev: number): Partial<Publication> => ({
      dedupe: { kind: 'producer', producer: 'p', seq, prev, fingerprint: seq },
    });
    const [one, two] = [await open('one'), await open('two')];
    await two.feed.subscribe([CHANNEL]);
    await one.publishPatiently('1', from(1, 0));
    await admin.save();
    await one.publishPatiently('2', from(2, 1));
    await eventually(() => two.got.length === 2, { what: 'the other gateway has it' });
    await one.feed.stop();
    await one.broker.stop();
    gateways = [two];
    await crash();
    expect((await two.publishPatiently('3', from(3, 2))).seq).toBe(1);
    expect(await two.publish('3', from(3, 2))).toMatchObject({ status: 'accepted', duplicate: true, seq: 1 });
    const outOfOrder = await two.publish('5', from(5, 4));
    expect(outOfOrder.status).toBe('refused');
  });

  it('[D7] a Redis that comes back empty is a loss, too', async () => {
    const one = await open('one');
    const { epoch } = await one.publishPatiently('1');
    await one.publishPatiently('2');
    await crash();
    expect((await one.publishPatiently('3')).epoch > epoch).toBe(true);
    expect(await one.records()).toEqual(['1', '2', '3']);
  });

  it('[D7] what is durable is published again when the database has said what it has, and nothing of that', async () => {
    const keeping = { ...KEPT, durable: true };
    const one = await open('one');
    const before: Got[] = [];
    for (const record of ['1', '2', '3']) before.push(await one.publishPatiently(record, { keeping }));
    await crash();
    await eventually(async () => (await one.publish('other')).status === 'accepted', { what: 'it is open' });
    expect(await one.publish('4', { keeping })).toMatchObject({
      status: 'refused',
      error: { retryable: true },
    });
    const { reconciliation } = one.broker;
    const partition = one.broker.partitionOf(CHANNEL);
    const unsettled = (await reconciliation.unsettled()).find((found) => found.partition === partition)!;
    const { epoch } = before[0]!;
    const stored = before.slice(0, 2).map(({ record, seq }) => ({ id: record, seq }));
    expect(await reconciliation.extend(unsettled, { channel: CHANNEL, epoch, messages: stored })).toBe(2);
    expect(await reconciliation.settle(unsettled, true)).toBe(true);
    await one.publishPatiently('4', { keeping });
    expect(await one.records()).toEqual(['other', '3', '4']);
    expect(await one.feed.positions([CHANNEL])).toMatchObject([
      { seq: 3, before: [{ epoch, lastSeq: 2, isFinal: true, isLossy: true }] },
    ]);
  });

  it('[PO5] a restart with all data is a new epoch that names where the last one ended, and no loss', async () => {
    const one = await open('one');
    await one.feed.subscribe([CHANNEL]);
    const { epoch } = await one.publishPatiently('1');
    await eventually(() => one.got.length === 1, { what: 'the message' });
    await admin.save();
    await crash();
    const after = await one.publishPatiently('2');
    expect(after).toMatchObject({ seq: 1 });
    expect(await one.feed.positions([CHANNEL])).toMatchObject([
      { epoch: after.epoch, seq: 1, before: [{ epoch, lastSeq: 1, isLossy: false }] },
    ]);
    expect(one.losses).toBe(0);
  });

  it('waits for the word of no other gateway: what one of them saw and Redis lost is told when it says so', async () => {
    const [one, two] = [await open('one'), await open('two')];
    await one.publishPatiently('1');
    await admin.save();
    await one.publishPatiently('lost');
    await crash();
    await two.publishPatiently('2');
    await eventually(() => one.losses > 0 && two.losses > 0, { what: 'both know' });
  });

  it('[PO2] FLUSHALL on living connections begins another epoch', async () => {
    const one = await open('one');
    await one.feed.subscribe([CHANNEL]);
    const { epoch } = await one.publishPatiently('1');
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    const after = await one.publishPatiently('2');
    expect(after.epoch > epoch).toBe(true);
    await eventually(() => one.losses > 0, { what: 'the loss is told' });
  });

  it('[PU4] what a producer sent and Redis lost may come late, once', async () => {
    const from = (seq: number, prev: number): Partial<Publication> => ({
      dedupe: { kind: 'producer', producer: 'p', seq, prev, fingerprint: seq },
    });
    const [one, two] = [await open('one'), await open('two')];
    await one.publishPatiently('1', from(1, 0));
    await admin.save();
    await one.publishPatiently('2', from(2, 1));
    await one.feed.stop();
    await one.broker.stop();
    gateways = [two];
    await crash();
    expect((await two.publishPatiently('3', from(3, 2))).seq).toBe(1);
    expect((await two.publishPatiently('2', from(2, 1))).seq).toBe(2);
    expect(await two.publish('2', from(2, 1))).toMatchObject({ status: 'accepted', duplicate: true, seq: 2 });
    expect((await two.publishPatiently('4', from(4, 3))).seq).toBe(3);
  });
});
