import { eventually, startRedis, startTcpProxy, type TcpProxy, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, ChannelKey, FeedHandler, PartitionId, StoragePolicy } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

const LONG = { history: { maxMessages: 1000, ttlMs: 60_000 }, durable: false };
const SHORT = { history: { maxMessages: 999, ttlMs: 60_000 }, durable: false };
const BRIEF = { history: { maxMessages: 1000, ttlMs: 59_999 }, durable: false };
const NONE = { history: undefined, durable: false };
const PARTITIONS = 2;

class Recorder implements FeedHandler {
  readonly records: string[] = [];
  readonly lost: PartitionId[][] = [];
  readonly connections: boolean[] = [];

  onMessage(_channel: ChannelKey, _epoch: string, _seq: number, record: string): void {
    this.records.push(record);
  }
  onStored(): void {
    throw new Error('nobody asked for `stored`');
  }
  onBatchEnd(): void {
    // Every message is looked at by itself.
  }
  onInterestLost(partitions: readonly PartitionId[]): void {
    this.lost.push([...partitions]);
  }
  onDataLost(): void {
    // Looked at by the tests of losses.
  }

  onConnection(up: boolean): void {
    this.connections.push(up);
  }
}

describe('messages that history holds are pushed', () => {
  let redis: TestRedis;
  let admin: Redis;
  let proxy: TcpProxy;
  const opened: Broker[] = [];
  const warnings: string[] = [];

  const open = async (url: string): Promise<Broker> => {
    const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
    const broker = createRedisBroker({ url, partitions: PARTITIONS, logger, commandTimeoutMs: 4000 });
    opened.push(broker);
    await broker.start();
    return broker;
  };

  /** Messages of 'a' to 'd', one channel each, some of them in both partitions. */
  const publish = async (broker: Broker, record: string, keeping: StoragePolicy): Promise<void> => {
    const outcomes = await broker.publisher.publish(
      ['a', 'b', 'c', 'd'].map((name) => ({
        channel: `app/${name}` as ChannelKey,
        id: `${record}-${name}`,
        record: `${record} ${name}`,
        keeping,
      })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'accepted'));
  };

  const CHANNELS: readonly ChannelKey[] = ['app/a', 'app/b', 'app/c', 'app/d'];
  const four = (record: string): string[] => ['a', 'b', 'c', 'd'].map((name) => `${record} ${name}`);

  /** Number of entries ever added to the feeds: entries that were read are trimmed with a heartbeat. */
  const feedEntries = async (): Promise<number> => {
    let added = 0;
    for (let p = 0; p < PARTITIONS; p++) {
      const info = (await admin.xinfo('STREAM', `carillon:{p${p}}:g:one`)) as unknown[];
      added += Number(info[info.indexOf('entries-added') + 1]);
    }
    return added;
  };

  beforeEach(async () => {
    redis = await startRedis();
    proxy = await startTcpProxy({ targetPort: redis.port });
    admin = new Redis(redis.url);
    warnings.length = 0;
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((broker) => broker.stop()));
    admin.disconnect();
    await proxy.stop();
    await redis.stop();
  });

  it('and leave nothing in the feeds; what can be had nowhere else, or not for long, goes by the feeds', async () => {
    const broker = await open(redis.url);
    const recorder = new Recorder();
    const feed = broker.feed('one');
    await feed.start(recorder);
    await feed.subscribe(CHANNELS);
    const before = await feedEntries();
    await publish(broker, 'é\n"1"', LONG);
    await eventually(() => recorder.records.length === 4, { what: 'what is pushed' });
    expect(await feedEntries()).toBe(before);
    expect(recorder.records.toSorted()).toEqual(four('é\n"1"'));
    let entries = before;
    for (const [i, keeping] of [SHORT, BRIEF, NONE].entries()) {
      await publish(broker, `${i}`, keeping);
      await eventually(() => recorder.records.length === 8 + 4 * i, { what: 'what the feeds bring' });
      expect(await feedEntries()).toBeGreaterThan(entries);
      entries = await feedEntries();
    }
    await feed.stop();
  });

  it('and who was away is told that messages may have passed by, while the feeds are read on', async () => {
    const [publisher, gateway] = [await open(redis.url), await open(`redis://127.0.0.1:${proxy.port}`)];
    const recorder = new Recorder();
    const feed = gateway.feed('one');
    await feed.start(recorder);
    await feed.subscribe(CHANNELS);
    proxy.refuse();
    await eventually(() => recorder.connections.at(-1) === false, { what: 'the connection is gone' });
    await publish(publisher, 'pushed', LONG);
    await publish(publisher, 'in the feed', NONE);
    expect(recorder.lost).toEqual([]);
    proxy.heal();
    await eventually(() => recorder.records.length === 4, { what: 'what waited in the feeds' });
    expect(recorder.records.toSorted()).toEqual(four('in the feed'));
    await eventually(() => recorder.lost.length > 0, { what: 'it is said that messages may have passed by' });
    expect(recorder.lost).toEqual([[0, 1]]);
    await publish(publisher, 'later', LONG);
    await eventually(() => recorder.records.length === 8, { what: 'what is pushed later' });
    await feed.stop();
  });

  it('and a connection that leads nowhere is found out by a gateway that publishes nothing', async () => {
    const [publisher, gateway] = [await open(redis.url), await open(`redis://127.0.0.1:${proxy.port}`)];
    const recorder = new Recorder();
    const feed = gateway.feed('one');
    await feed.start(recorder);
    await feed.subscribe(CHANNELS);
    proxy.halfOpen();
    await publish(publisher, 'pushed', LONG);
    // The publisher's connection says it in these words; that of the feeds waits longer, in others.
    const found = (line: string): boolean =>
      line.includes('trouble with the connection') && line.includes('Redis has not answered');
    await eventually(() => warnings.some(found), { what: 'it is found out' });
    await eventually(() => recorder.connections.at(-1) === false, { what: 'the connection is given up' });
    proxy.heal();
    await eventually(() => recorder.lost.length > 0, { what: 'it is said that messages may have passed by' });
    await publish(publisher, 'later', LONG);
    await eventually(() => recorder.records.length >= 4, { what: 'what is pushed later' });
    expect(recorder.records.toSorted()).toEqual(four('later'));
    await feed.stop();
  });

  it('together with the answer to what the gateway itself publishes, and to all feeds of one process', async () => {
    const broker = await open(redis.url);
    const recorders = [new Recorder(), new Recorder()];
    const feeds = [broker.feed('one'), broker.feed('two')];
    for (const [i, feed] of feeds.entries()) {
      await feed.start(recorders[i]!);
      await feed.subscribe(CHANNELS);
    }
    // With the answers, not after them.
    await publish(broker, '1', LONG);
    for (const { records } of recorders) expect(records.toSorted()).toEqual(four('1'));
    await feeds[0]!.stop();
    await publish(broker, '2', LONG);
    expect(recorders.map(({ records }) => records.length)).toEqual([4, 8]);
    await feeds[1]!.stop();
  });

  it('and a gateway waits, and says why, while its user may not subscribe', async () => {
    await admin.call('ACL', 'SETUSER', 'carillon', 'on', '>secret', '~*', '+@all', 'resetchannels');
    const broker = await open(`redis://carillon:secret@127.0.0.1:${redis.port}`);
    const recorder = new Recorder();
    const feed = broker.feed('one');
    const starting = feed.start(recorder);
    await eventually(() => warnings.some((line) => line.includes('NOPERM')), { what: 'it says why' });
    expect(recorder.connections).toEqual([]);
    await admin.call('ACL', 'SETUSER', 'carillon', '&carillon:*');
    await starting;
    await feed.subscribe(CHANNELS);
    await publish(broker, '1', LONG);
    await eventually(() => recorder.records.length === 4, { what: 'what is pushed' });
    await feed.stop();
  });
});
