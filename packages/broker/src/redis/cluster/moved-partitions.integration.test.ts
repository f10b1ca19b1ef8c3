/** A partition gets another primary while messages flow: by a failover, by a moved slot, by a sentinel. */
import { setTimeout as pause } from 'node:timers/promises';
import { slotOf } from '@carillon/redis';
import {
  type ClusterNode,
  eventually,
  type RedisCluster,
  startRedisCluster,
  startSentinelledRedis,
} from '@carillon/testing';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type {
  Broker,
  ChannelKey,
  ColdQuery,
  FeedHandler,
  GatewayFeed,
  HistoryEntry,
  LogEntry,
} from '../../ports.ts';
import { createRedisBroker } from '../redis-broker.ts';
import { ClusterKeys } from './cluster-keys.ts';

const PARTITIONS = 3;
const KEEPING = { history: { maxMessages: 10_000, ttlMs: 60_000 }, durable: true };
/** One of each partition, and some more. */
const CHANNELS = Array.from({ length: 9 }, (_, i): ChannelKey => `app/c${i}`);
const BETWEEN_STEPS = 60;

function byPosition(a: LogEntry, b: LogEntry): number {
  return a.epoch === b.epoch ? a.seq - b.seq : a.epoch < b.epoch ? -1 : 1;
}

/** Publishes to all channels, as a client with a producer id does, and subscribes to them. */
class Traffic implements FeedHandler {
  readonly accepted = new Map<ChannelKey, number>();
  readonly #got = new Map<ChannelKey, Set<number>>();
  readonly #broker: Broker;
  readonly #feed: GatewayFeed;
  readonly #publishing: Promise<void>[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #logged = new Map(CHANNELS.map((channel) => [channel, new Map<string, LogEntry>()]));
  #storing: Promise<void> = Promise.resolve();
  readonly #serving = new AbortController();
  #isStopped = false;
  #count = 0;
  #isOver = false;

  constructor(broker: Broker) {
    this.#broker = broker;
    this.#feed = broker.feed('g1');
  }

  async start(): Promise<void> {
    await this.#feed.start(this);
    await this.#feed.subscribe(CHANNELS);
    this.#storing = this.#store();
    const { signal } = this.#serving;
    this.#loops.push(this.#broker.cold.serve((query) => this.#stored(query), signal));
    for (const channel of CHANNELS) this.#publishing.push(this.#publish(channel));
  }

  onMessage(channel: ChannelKey, _epoch: string, _seq: number, record: string): void {
    const got = this.#got.get(channel) ?? new Set();
    this.#got.set(channel, got.add(Number(record)));
  }

  onStored(): void {
    throw new Error('nobody asked for `stored`');
  }

  onBatchEnd(): void {
    // Every message is looked at by itself.
  }

  losses = 0;

  onDataLost(): void {
    this.losses++;
  }

  onConnection(): void {
    // The test looks at what comes through.
  }

  /** As a gateway does: says again what it wants, and heals from the history. */
  onInterestLost(): void {
    const renew = async (): Promise<boolean> => {
      try {
        await this.#feed.subscribe(CHANNELS);
        for (const channel of CHANNELS)
          for (const { epoch, seq, record } of await this.#history(channel))
            this.onMessage(channel, epoch, seq, record);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'UNAVAILABLE' });
        return false;
      }
    };
    this.#loops.push(eventually(renew, { what: 'subscribed again', timeoutMs: 20_000 }));
  }

  async more(): Promise<void> {
    const goals = new Map(CHANNELS.map((channel) => [channel, (this.accepted.get(channel) ?? 0) + 5]));
    const count = this.#count + BETWEEN_STEPS;
    await eventually(
      () =>
        this.#count >= count &&
        [...goals].every(([channel, goal]) => (this.accepted.get(channel) ?? 0) >= goal),
      { what: 'more accepted publishes of every channel', timeoutMs: 40_000 },
    );
  }

  /** Each accepted message is in the log, in order, and the newest ones are in the history and came through the feed. */
  async expectWhole(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#publishing);
    const log = (channel: ChannelKey): readonly LogEntry[] =>
      [...this.#logged.get(channel)!.values()].toSorted(byPosition);
    const isStored = async (channel: ChannelKey): Promise<boolean> => {
      const places = this.#logged.get(channel)!;
      const held = await this.#history(channel);
      return held.every(({ epoch, seq }) => places.has(`${epoch}:${seq}`));
    };
    await eventually(async () => (await Promise.all(CHANNELS.map(isStored))).every(Boolean), {
      what: 'the log is read to its end',
    });
    for (const channel of CHANNELS) {
      const entries = log(channel);
      const last = this.accepted.get(channel)!;
      // Lost messages that aren't found in the database are published again in a new epoch.
      const records = new Set(entries.map(({ record }) => Number(record)));
      expect([...records]).toEqual(Array.from({ length: last }, (_, i) => i + 1));
      if (this.losses === 0) expect(entries).toHaveLength(last);
      const newest = entries.filter(({ epoch }) => epoch === entries.at(-1)!.epoch);
      expect(newest.map(({ seq }) => seq)).toEqual(newest.map((_, i) => i + 1));
      const held = await this.#history(channel);
      expect(held.map(({ record }) => record)).toEqual(newest.map(({ record }) => record));
      await eventually(() => this.#got.get(channel)?.has(last) === true, {
        what: `the feed has the newest of ${channel}`,
      });
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#isStopped = true;
    this.#serving.abort();
    await Promise.all([...this.#publishing, ...this.#loops, this.#storing]);
    await this.#feed.stop();
  }

  async #history(channel: ChannelKey): Promise<readonly HistoryEntry[]> {
    return (await this.#broker.history.range(channel, { from: 1, to: 10_000, limit: 10_000 })).entries;
  }

  /** Stored messages: a gateway asks for them before it publishes again after a loss. */
  async #stored(query: ColdQuery): Promise<readonly HistoryEntry[]> {
    if (query.kind !== 'range') throw new Error(`nobody asks ${query.kind}`);
    const stored = [...this.#logged.get(query.channel)!.values()];
    return stored.filter(({ epoch, seq }) => epoch === query.epoch && seq >= query.from && seq <= query.to);
  }

  /** As persistence does: reads the log all the time, and takes over what it was given and never got. */
  async #store(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#take(await this.#broker.log.read('worker', { count: 1000, blockMs: 200 }));
        await this.#take(await this.#broker.log.claim('worker', { minIdleMs: 1000, count: 1000 }));
      } catch (error) {
        expect(error).toMatchObject({ code: 'UNAVAILABLE' });
        await pause(100);
      }
    }
  }

  async #take(read: readonly LogEntry[]): Promise<void> {
    for (const entry of read) this.#logged.get(entry.channel)!.set(`${entry.epoch}:${entry.seq}`, entry);
    await this.#broker.log.commit(read);
  }

  async #publish(channel: ChannelKey): Promise<void> {
    for (let seq = 1; !this.#isOver; seq++) {
      for (;;) {
        const dedupe = { kind: 'producer', producer: 'p', seq, prev: seq - 1, fingerprint: seq } as const;
        const publication = { channel, id: `${seq}`, record: `${seq}`, keeping: KEEPING, dedupe };
        const [outcome] = await this.#broker.publisher.publish([publication]);
        if (outcome!.status === 'accepted') break;
        if (!outcome!.error.retryable) throw outcome!.error;
        await pause(20);
      }
      this.accepted.set(channel, seq);
      this.#count++;
      await pause(2);
    }
  }
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function openBroker(url: string, waitReplicas = 0): Promise<Broker> {
  const broker = createRedisBroker({
    url,
    partitions: PARTITIONS,
    limits: { gatewayHeartbeatMs: 300 },
    waitReplicas,
    connectTimeoutMs: 1000,
    logger: pino({ level: 'silent' }),
  });
  await broker.start();
  closers.push(() => broker.stop());
  return broker;
}

async function startTraffic(url: string, waitReplicas = 0): Promise<Traffic> {
  const broker = await openBroker(url, waitReplicas);
  expect(new Set(CHANNELS.map((channel) => broker.partitionOf(channel))).size).toBe(PARTITIONS);
  const traffic = new Traffic(broker);
  await traffic.start();
  closers.push(() => traffic.stop());
  await traffic.more();
  return traffic;
}

async function startCluster(replicas: number): Promise<RedisCluster> {
  const cluster = await startRedisCluster({
    replicas,
    appendonly: true,
    config: { appendfsync: 'always', 'cluster-replica-validity-factor': '0' },
  });
  closers.push(() => cluster.stop());
  return cluster;
}

const slotOfPartition = (partition: number): number =>
  slotOf(new ClusterKeys('carillon', partition, PARTITIONS).base(partition));

describe('while messages flow', { timeout: 300_000 }, () => {
  it('a primary of a cluster is killed and comes back with its data', async () => {
    const cluster = await startCluster(0);
    const traffic = await startTraffic(cluster.url);
    const node = await cluster.ownerOf(slotOfPartition(1));
    await node.kill();
    const others = CHANNELS.filter((channel) => traffic.accepted.has(channel));
    const before = new Map(traffic.accepted);
    await eventually(
      () =>
        others.filter((channel) => traffic.accepted.get(channel)! > before.get(channel)! + 20).length >= 3,
      { what: 'the channels of other partitions go on', timeoutMs: 20_000 },
    );
    await node.restart();
    await traffic.more();
    await traffic.expectWhole();
    expect(traffic.losses).toBe(0);
  });

  it('a primary of a cluster is killed and its replica takes its place', async () => {
    const cluster = await startCluster(1);
    const traffic = await startTraffic(cluster.url, 1);
    const slot = slotOfPartition(0);
    const node = await cluster.ownerOf(slot);
    await node.kill();
    const others = cluster.nodes.filter((other) => other !== node);
    let next: ClusterNode = node;
    await eventually(
      async () => {
        next = await cluster.ownerOf(slot, others[0]!);
        return next !== node;
      },
      { what: 'a replica is promoted', timeoutMs: 30_000 },
    );
    // A replica for whoever waits for one.
    await node.restart();
    await traffic.more();
    await traffic.expectWhole();
  });

  it('a primary of a cluster stands still and its replica takes its place', async () => {
    const cluster = await startCluster(1);
    const traffic = await startTraffic(cluster.url);
    // A process that publishes nothing has to notice it, too.
    const { log, router } = await openBroker(cluster.url);
    const node = await cluster.ownerOf(slotOfPartition(2));
    node.pause();
    try {
      await eventually(async () => (await log.backlog()).length < PARTITIONS, {
        what: 'a node that stands still',
      });
      // The backlogs of the other partitions are reported all the same.
      const waiting = await router.backlog();
      expect([waiting.length, waiting[2]]).toEqual([PARTITIONS, undefined]);
      expect(waiting).toContain(0);
      await eventually(async () => (await log.backlog()).length === PARTITIONS, {
        what: 'all partitions answer',
        timeoutMs: 20_000,
      });
      await traffic.more();
      await traffic.expectWhole();
    } finally {
      node.resume();
    }
  });

  it('the slots of partitions are moved to other nodes', async () => {
    const cluster = await startCluster(0);
    const traffic = await startTraffic(cluster.url);
    for (const partition of [0, 1]) {
      const slot = slotOfPartition(partition);
      const from = await cluster.ownerOf(slot);
      const to = cluster.nodes.find((node) => node !== from)!;
      await cluster.moveSlot(slot, to, () => pause(300));
      expect(await cluster.ownerOf(slot, to)).toBe(to);
      await traffic.more();
    }
    await traffic.expectWhole();
    expect(traffic.losses).toBe(0);
  });

  it('a sentinel makes the replica the primary', async () => {
    const redis = await startSentinelledRedis({ appendonly: true, config: { appendfsync: 'always' } });
    closers.push(() => redis.stop());
    const traffic = await startTraffic(redis.url, 1);
    await redis.failOver();
    await traffic.more();
    await traffic.expectWhole();
  });
});
