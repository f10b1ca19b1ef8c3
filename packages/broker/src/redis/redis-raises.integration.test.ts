/** D7, PO5: a partition whose generation is raised, seen by the scripts themselves. */
import { eventually, startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeEpoch } from '../epoch.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Broker, Publication } from '../ports.ts';
import { claimPartition } from './claim.ts';
import { CHANNEL, KEPT, LossGateway } from './loss-gateway.suite.ts';
import { readLineages } from './read-lineage.ts';
import { createRedisBroker } from './redis-broker.ts';
import type { RedisBrokerOptions } from './redis-broker-options.ts';
import { runScript } from './scripts.ts';

const BASE = 'carillon:{p0}:';

let redis: TestRedis;
let admin: Redis;
let brokers: Broker[];

const open = async (options: Partial<RedisBrokerOptions> = {}): Promise<Broker> => {
  const broker = createRedisBroker({
    url: redis.url,
    partitions: 1,
    logger: pino({ level: 'silent' }),
    ...options,
  });
  await broker.start();
  brokers.push(broker);
  return broker;
};

beforeEach(async () => {
  redis = await startRedis();
  admin = new Redis(redis.url, { lazyConnect: true });
  brokers = [];
});

afterEach(async () => {
  for (const broker of brokers) await broker.stop();
  admin.disconnect();
  await redis.stop();
});

/** A process that finds another Redis process than the one before, and touches the channel. */
const raise = async (n: number): Promise<void> => {
  await claimPartition(admin, BASE, `process-${n}`, {
    generation: '',
    seen: 0,
    gateway: '',
    readUpTo: '0-0',
    latestEpoch: '',
  });
  await runScript(admin, 'positions', BASE, [makeEpoch(), CHANNEL]);
};

it('an epoch with messages is not forgotten for empty ones, however often Redis restarts before the database has spoken', async () => {
  const broker = await open();
  const [outcome] = await broker.publisher.publish([
    { channel: CHANNEL, id: 'm-1', record: '1', keeping: { ...KEPT, durable: true } },
  ]);
  await broker.stop();
  brokers = [];
  if (outcome?.status !== 'accepted') throw new Error('it was not accepted');
  for (let n = 1; n <= 20; n++) await raise(n);
  const [generation] = await admin.hmget(`${BASE}meta`, 'g');
  const extend = async (epoch: string, last: number): Promise<unknown> =>
    await runScript(admin, 'extend', BASE, [
      generation!,
      1000,
      makeEpoch(),
      1000,
      CHANNEL,
      epoch,
      last,
      'm-x',
      last,
    ]);
  expect(await extend(outcome.epoch, 3)).toBe(3);
  const reply = (await runScript(admin, 'positions', BASE, [makeEpoch(), CHANNEL])) as readonly unknown[];
  const [lineage] = readLineages(reply, DEFAULT_LIMITS.channelIdleTtlMs);
  expect(lineage?.before.length).toBe(16);
  expect(lineage?.before[0]).toMatchObject({ epoch: outcome.epoch, lastSeq: 3 });
  const epochs = lineage!.before.map(({ epoch }) => epoch);
  expect(epochs).toEqual(epochs.toSorted());
  // One that the list has forgotten does not come back.
  expect(await extend(makeEpoch(1), 3)).toBe(-2);
});

it('epochs that the database alone knows come in by age, before one that began without them', async () => {
  const broker = await open();
  const [outcome] = await broker.publisher.publish([
    { channel: CHANNEL, id: 'm-1', record: '1', keeping: { ...KEPT, durable: true } },
  ]);
  await broker.stop();
  brokers = [];
  if (outcome?.status !== 'accepted') throw new Error('it was not accepted');
  await raise(1);
  const [generation] = await admin.hmget(`${BASE}meta`, 'g');
  const [older, oldest] = [makeEpoch(Date.now() - 60_000), makeEpoch(Date.now() - 120_000)];
  for (const epoch of [older, oldest])
    expect(
      await runScript(admin, 'extend', BASE, [
        generation!,
        1000,
        makeEpoch(),
        1000,
        CHANNEL,
        epoch,
        7,
        `of-${epoch}`,
        7,
      ]),
    ).toBe(7);
  const reply = (await runScript(admin, 'positions', BASE, [makeEpoch(), CHANNEL])) as readonly unknown[];
  const [lineage] = readLineages(reply, DEFAULT_LIMITS.channelIdleTtlMs);
  expect(lineage?.before.map(({ epoch }) => epoch)).toEqual([oldest, older, outcome.epoch]);
});

it('a feed that still has what was read is read on from there, and from now on when it has not', async () => {
  const register = async (readUpTo: string): Promise<readonly [string, string]> =>
    (await runScript(admin, 'register', BASE, ['g', readUpTo])) as [string, string];
  const [first, mark] = await register('0-0');
  expect(first).toBe(mark);
  await admin.xadd(`${BASE}g:g`, '*', 'm', 'unread');
  const [goesOn, second] = await register(mark);
  expect(goesOn).toBe(mark);
  expect(second).not.toBe(mark);
  await admin.del(`${BASE}g:g`);
  const [anew, third] = await register(second);
  expect(anew).toBe(third);
});

it('[PU4] a late message that has left the window is refused, and takes nothing from a newer one', async () => {
  const from = (seq: number, prev: number): Partial<Publication> => ({
    dedupe: { kind: 'producer', producer: 'p', seq, prev, fingerprint: seq },
  });
  const gateway = new LossGateway(await open({ limits: { producerWindow: 8 } }), 'one');
  await gateway.publishPatiently('1', from(1, 0));
  await admin.save();
  await gateway.broker.stop();
  await redis.kill();
  await redis.restart();
  brokers = [];
  const next = new LossGateway(await open({ limits: { producerWindow: 8 } }), 'two');
  // 2 was sent and lost; 3 jumps over it.
  for (let seq = 3; seq <= 12; seq++) await next.publishPatiently(`${seq}`, from(seq, seq - 1));
  expect(await next.publish('2', from(2, 1))).toMatchObject({ status: 'refused' });
  expect(await next.publish('10', from(10, 9))).toMatchObject({ status: 'accepted', duplicate: true });
});

it('[PO4] an epoch that ends takes in no message that its publisher has sent again meanwhile', async () => {
  const keeping = { ...KEPT, durable: true };
  const sent = (id: string, seq: number): Publication => ({
    channel: CHANNEL,
    id,
    record: id,
    keeping,
    dedupe: { kind: 'producer', producer: 'p', seq, prev: seq - 1, fingerprint: seq },
  });
  const broker = await open();
  const [first] = await broker.publisher.publish([sent('m-1', 1)]);
  if (first?.status !== 'accepted') throw new Error('it was not accepted');
  await broker.stop();
  await admin.save();
  await redis.kill();
  await redis.restart();
  // The database has not been compared yet, and no publish waits for that.
  const next = await open({ settlePatienceMs: 0 });
  const [again] = await next.publisher.publish([sent('m-3', 3)]);
  expect(again).toMatchObject({ status: 'accepted', duplicate: false });
  const [generation] = await admin.hmget(`${BASE}meta`, 'g');
  const reply = await runScript(admin, 'extend', BASE, [
    generation!,
    1000,
    makeEpoch(),
    1000,
    CHANNEL,
    first.epoch,
    4,
    ...['m-2', 2, 'm-3', 3, 'm-4', 4],
  ]);
  expect(reply).toBe(2);
});

it('[PU4] the second of two messages does not overtake the first, which was refused before the database was compared', async () => {
  const sent = (seq: number): Publication => ({
    channel: CHANNEL,
    id: `m-${seq}`,
    record: `${seq}`,
    keeping: { ...KEPT, durable: true },
    dedupe: { kind: 'producer', producer: 'p', seq, prev: seq - 1, fingerprint: seq },
  });
  const broker = await open();
  await broker.publisher.publish([sent(1)]);
  await broker.stop();
  await admin.save();
  await redis.kill();
  await redis.restart();
  const next = await open({ settlePatienceMs: 60_000 });
  const [first] = await next.publisher.publish([sent(2)]);
  expect(first).toMatchObject({ status: 'refused', error: { retryable: true } });
  const [unsettled] = await next.reconciliation.unsettled();
  await next.reconciliation.settle(unsettled!, false);
  await eventually(
    async () => (await next.publisher.publish([{ ...sent(9), dedupe: undefined }]))[0]?.status === 'accepted',
    { what: 'it is settled' },
  );
  const [second] = await next.publisher.publish([sent(3)]);
  expect(second).toMatchObject({ status: 'refused', error: { retryable: true } });
  const again = await next.publisher.publish([sent(2), sent(3)]);
  expect(again).toMatchObject([{ status: 'accepted' }, { status: 'accepted' }]);
});

it('[PO5] an end that the database has confirmed does not move in a later generation: somebody may have gone on after it', async () => {
  const broker = await open();
  const [outcome] = await broker.publisher.publish([
    { channel: CHANNEL, id: 'm-1', record: '1', keeping: { ...KEPT, durable: true } },
  ]);
  await broker.stop();
  brokers = [];
  if (outcome?.status !== 'accepted') throw new Error('it was not accepted');
  const generation = async (): Promise<string> => (await admin.hget(`${BASE}meta`, 'g'))!;
  const lineage = async () => {
    const reply = (await runScript(admin, 'positions', BASE, [makeEpoch(), CHANNEL])) as readonly unknown[];
    return readLineages(reply, DEFAULT_LIMITS.channelIdleTtlMs)[0]!;
  };
  await raise(1);
  expect((await lineage()).before[0]).toMatchObject({ epoch: outcome.epoch, lastSeq: 1, isFinal: false });
  await runScript(admin, 'settle', BASE, [await generation(), 0]);
  await raise(2);
  const [ended, next] = (await lineage()).before;
  expect([ended, next]).toMatchObject([{ lastSeq: 1, isFinal: true }, { isFinal: false }]);
  const extend = async (epoch: string, last: number): Promise<unknown> =>
    await runScript(admin, 'extend', BASE, [
      await generation(),
      1000,
      makeEpoch(),
      1000,
      CHANNEL,
      epoch,
      last,
      'm-x',
      last,
    ]);
  expect(await extend(outcome.epoch, 3)).toBe(1);
  expect(await extend(next!.epoch, 2)).toBe(2);
});
