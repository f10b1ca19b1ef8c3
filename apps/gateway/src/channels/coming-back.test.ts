/** Many who come back to a channel one after the other: what one of them missed is not read again for the next. */
import type { Broker, ChannelKey, GatewayFeed } from '@carillon/broker';
import { createMemoryBroker, soleEpoch } from '@carillon/broker';
import { createNamespaceResolver, loadConfig } from '@carillon/config';
import { encodeRecord } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { describe, expect, it } from 'vitest';
import { GROUPS } from '../config.ts';
import type { Frame, MessageFrames } from '../egress/frame.ts';
import { Channels } from './channels.ts';
import { readMissing } from './read-missing.ts';
import type { SubscriberSink } from './subscriber.ts';
import { type Subscription, Subscriptions } from './subscriptions.ts';

const KEY: ChannelKey = 'app/room:1';
const NOW_MS = 1_700_000_000_000;

class Sink implements SubscriberSink {
  readonly connectionId = 'c';
  readonly isOpen = true;
  readonly frames: MessageFrames[] = [];
  readonly gaps: unknown[] = [];
  get seqs(): readonly number[] {
    return this.frames.map(({ seq }) => seq);
  }
  sendFrame(): void {
    throw new Error('nothing but messages is expected');
  }
  sendMessage(frame: Frame): void {
    this.frames.push(frame as MessageFrames);
  }
  sendMissed(frame: Frame): void {
    this.frames.push(frame as MessageFrames);
  }
  room(): undefined {
    return undefined;
  }
  tellGap(...gap: readonly unknown[]): void {
    this.gaps.push(gap);
  }
}

const telemetry = () =>
  createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'info', modules: {} },
    format: 'json',
    stream: { write: () => undefined },
    processMetrics: false,
  });

function record(seq: number): string {
  return encodeRecord({ id: `m${seq}`, timestamp: NOW_MS }, String(seq));
}

/** A history that has everything of epoch `e` and is counted; the feed is this test. */
class World {
  reads: [number, number][] = [];
  nowMs = NOW_MS;
  pageSize = 200;
  newest: number;
  epoch = 'e';
  readonly channels: Channels;
  readonly #subscribing: Subscriptions;

  constructor(newest: number, namespaces?: string) {
    this.newest = newest;
    const { config } = loadConfig(GROUPS, {
      CARILLON_REDIS_URL: 'redis://not.used',
      CARILLON_JWT_SECRET: 'x'.repeat(40),
      ...(namespaces === undefined ? {} : { CARILLON_NAMESPACES: namespaces }),
    });
    const feed: GatewayFeed = {
      gateway: 'g',
      start: async () => undefined,
      subscribe: async (keys) => keys.map(() => soleEpoch('e', this.newest)),
      unsubscribe: async () => undefined,
      seal: async () => undefined,
      untilSettled: async () => true,
      askStored: async () => undefined,
      positions: async (keys) => keys.map(() => soleEpoch(this.epoch, this.newest)),
      stop: async () => undefined,
    };
    const range: Broker['history']['range'] = async (_channel, { from, to }) => {
      this.reads.push([from, to]);
      const entries = Array.from({ length: Math.min(this.pageSize, to - from + 1) }, (_, i) => ({
        epoch: 'e',
        seq: from + i,
        record: record(from + i),
      }));
      return { top: soleEpoch('e', this.newest), entries };
    };
    const memory = createMemoryBroker();
    const history = { ...memory.history, range, ended: async () => [] };
    const broker: Broker = {
      ...memory,
      history,
      cold: { ...memory.cold, ask: async () => [] },
      partitionOf: () => 0,
    };
    this.channels = new Channels({
      broker,
      feed,
      namespaces: createNamespaceResolver(config.namespaces),
      telemetry: telemetry(),
      onStored: () => undefined,
      onDataLost: () => undefined,
      onConnection: () => undefined,
    });
    this.#subscribing = new Subscriptions(
      this.channels,
      (channel, epoch, from, to) =>
        readMissing(
          { broker, gateway: 'g' },
          { channel: channel.key, epoch, from, to, policy: channel.policy },
        ),
      () => this.nowMs,
      telemetry(),
    );
  }

  publish(epoch = 'e'): void {
    this.newest++;
    this.channels.onMessage(KEY, epoch, this.newest, record(this.newest));
  }

  async comeBack(seq: number | undefined): Promise<Subscription & { readonly sink: Sink }> {
    const sink = new Sink();
    const position = seq === undefined ? undefined : { epoch: 'e', seq };
    const subscription = await this.#subscribing.subscribe(KEY, sink, position);
    subscription.begin();
    return { ...subscription, sink };
  }
}

const recovered = (missed: number) => ({ recovered: true, missed });

describe('[SU5] who comes back after others', () => {
  it('gets what they missed, too, without another read, and the same frames', async () => {
    const world = new World(5);
    const first = await world.comeBack(1);
    const second = await world.comeBack(3);
    expect(world.reads).toEqual([[2, 5]]);
    expect([first.sink.seqs, second.sink.seqs]).toEqual([
      [2, 3, 4, 5],
      [4, 5],
    ]);
    expect([first.beginning.recovery, second.beginning.recovery]).toEqual([recovered(4), recovered(2)]);
    expect(second.sink.frames[0]).toBe(first.sink.frames[2]);
  });

  it('gets what came meanwhile, then live messages', async () => {
    const world = new World(2);
    await world.comeBack(1);
    for (let i = 0; i < 3; i++) world.publish();
    const { sink, beginning } = await world.comeBack(1);
    world.publish();
    expect(world.reads).toEqual([[2, 2]]);
    expect(sink.seqs).toEqual([2, 3, 4, 5, 6]);
    expect(beginning.recovery).toEqual(recovered(4));
  });

  it('has it read when he was away for longer, and that is kept as well', async () => {
    const world = new World(9);
    await world.comeBack(7);
    const { sink } = await world.comeBack(2);
    const third = await world.comeBack(4);
    expect(world.reads).toEqual([
      [8, 9],
      [3, 9],
    ]);
    expect(sink.seqs).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(third.sink.seqs).toEqual([5, 6, 7, 8, 9]);
  });

  it('has it read when nobody came back for a while', async () => {
    const world = new World(2);
    const beforeMs = performance.now();
    const { channel } = await world.comeBack(1);
    channel.forgetRecent(beforeMs + 4000);
    await world.comeBack(1);
    expect(world.reads).toHaveLength(1);
    channel.forgetRecent(performance.now() + 6000);
    expect((await world.comeBack(1)).sink.seqs).toEqual([2]);
    expect(world.reads).toHaveLength(2);
  });

  it('has much of it read again: a channel keeps 64 messages at most', async () => {
    const world = new World(1);
    await world.comeBack(1);
    for (let i = 0; i < 100; i++) world.publish();
    expect((await world.comeBack(37)).sink.seqs).toHaveLength(64);
    expect(world.reads).toEqual([]);
    expect((await world.comeBack(36)).sink.seqs).toHaveLength(65);
    expect(world.reads).toEqual([[37, 101]]);
  });

  it('gets all of it, when it had to be read in pieces', async () => {
    const world = new World(30);
    world.pageSize = 10;
    const all = Array.from({ length: 25 }, (_, i) => 6 + i);
    await world.comeBack(29);
    for (let i = 0; i < 2; i++) {
      const { sink } = await world.comeBack(5);
      await eventually(() => sink.frames.length >= all.length, { what: 'all has come' });
      expect(sink.seqs).toEqual(all);
    }
  });

  it('is told why when it is too old, too much, or not promised at all', async () => {
    const world = new World(5);
    await world.comeBack(1);
    world.nowMs += 400_000;
    expect((await world.comeBack(1)).beginning.recovery).toEqual({
      recovered: false,
      reason: 'window-exceeded',
    });
    const few = new World(5, '{"room":{"recoveryMaxMessages":2}}');
    await few.comeBack(4);
    few.publish();
    few.publish();
    expect((await few.comeBack(4)).beginning.recovery).toMatchObject({ reason: 'too-many-missed' });
    const none = new World(5, '{"room":{"history":"none","durable":false}}');
    await none.comeBack(4);
    none.publish();
    expect((await none.comeBack(5)).beginning.recovery).toMatchObject({ reason: 'history-disabled' });
  });

  it('gets nothing of an epoch that has ended', async () => {
    const world = new World(5);
    const { channel } = await world.comeBack(1);
    world.newest = 0;
    world.epoch = 'f';
    await channel.catchUpTo(soleEpoch('f', 0));
    world.publish('f');
    expect(channel.recentAfter(0)?.map(({ epoch, seq }) => [epoch, seq])).toEqual([['f', 1]]);
    expect((await world.comeBack(3)).beginning.recovery).toMatchObject({ reason: 'epoch-changed' });
  });
});

it('a channel to which nobody came back keeps nothing', async () => {
  const world = new World(0);
  const { channel } = await world.comeBack(undefined);
  world.publish();
  expect(channel.recentAfter(0)).toBeUndefined();
});
