import { createMemoryBroker, type GatewayFeed, type Lineage, soleEpoch } from '@carillon/broker';
import { createNamespaceResolver } from '@carillon/config';
import { createTelemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { expect, it } from 'vitest';
import type { Channel } from './channel.ts';
import { Channels } from './channels.ts';
import { LineageReader } from './lineage-reader.ts';
import { Recovery } from './recovery.ts';
import { Subscriber, type SubscriberSink } from './subscriber.ts';

const KEY = 'app/a';
const [OLD, NEW] = ['mmmmmmmmaaaa', 'nnnnnnnnaaaa'];

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

function renewed(isLossy: boolean): Lineage {
  return { epoch: NEW, seq: 0, before: [{ epoch: OLD, lastSeq: 3, isFinal: true, isLossy }] };
}

/** A gateway whose broker has gone on from one epoch to another. */
class Scene {
  isLossy = false;
  isForgotten = false;
  readonly told: string[] = [];
  readonly channels: Channels;
  #isNew = true;

  constructor() {
    const state = (): Lineage => (this.isForgotten ? soleEpoch(NEW, 0) : renewed(this.isLossy));
    const feed: GatewayFeed = {
      gateway: 'g',
      start: async () => undefined,
      subscribe: async (keys) => {
        const lineage = this.#isNew ? soleEpoch(OLD, 3) : state();
        this.#isNew = false;
        return keys.map(() => lineage);
      },
      unsubscribe: async () => undefined,
      positions: async (keys) => keys.map(state),
      seal: async () => undefined,
      untilSettled: async () => true,
      askStored: async () => undefined,
      stop: async () => undefined,
    };
    this.channels = new Channels({
      broker: createMemoryBroker(),
      feed,
      namespaces: createNamespaceResolver(),
      telemetry: telemetry(),
      onStored: () => undefined,
      onDataLost: () => undefined,
      onConnection: () => undefined,
    });
  }

  sink(name: string): SubscriberSink {
    return {
      connectionId: name,
      isOpen: true,
      sendFrame: () => undefined,
      sendMessage: () => undefined,
      sendMissed: () => undefined,
      room: () => undefined,
      tellGap: (_channel, from, to, reason) =>
        this.told.push(`${name} ${from.epoch}:${from.seq} ${to.epoch}:${to.seq} ${reason}`),
    };
  }

  async live(): Promise<Channel> {
    const channel = await this.channels.open(KEY);
    this.channels.add(channel, new Subscriber(this.sink('live')));
    return channel;
  }
}

it('[MS4] a loss that becomes known while a channel goes on in another epoch is told', async () => {
  const scene = new Scene();
  const channel = await scene.live();
  const passing = channel.catchUpTo(renewed(false));
  // The state that it goes by says nothing of a loss; before it has gone on, the loss is told.
  scene.isLossy = true;
  scene.channels.onDataLost([0]);
  await passing;
  await eventually(() => scene.told.length > 0, { what: 'the gap' });
  expect(scene.told).toEqual([`live ${OLD}:3 ${NEW}:0 epoch-changed`]);
  scene.channels.stop();
});

it('[MS4] a loss that is told late leads nobody back to where it was', async () => {
  const scene = new Scene();
  const channel = await scene.live();
  await channel.catchUpTo(renewed(false));
  for (const seq of [1, 2]) channel.receive(NEW, seq, '{}');
  channel.tellLosses(renewed(true));
  expect(scene.told).toEqual([`live ${OLD}:3 ${NEW}:2 epoch-changed`]);
  scene.channels.stop();
});

it('[SU3] those who catch up are told on their own way, when they have', async () => {
  const scene = new Scene();
  const channel = await scene.live();
  await channel.catchUpTo(renewed(false));
  const late = new Subscriber(scene.sink('late'));
  late.catchingUp = true;
  scene.channels.add(channel, late);
  channel.tellLosses(renewed(true));
  expect(scene.told).toEqual([`live ${OLD}:3 ${NEW}:0 epoch-changed`]);
  const { historyRetries, endedEpochs } = scene.channels;
  const catchingUp = new Recovery(async () => ({ reason: 'history-trimmed' }), historyRetries, endedEpochs);
  expect(catchingUp.start(channel, late, { epoch: NEW, seq: 0 }, [])).toBeUndefined();
  // It began after the loss.
  expect(scene.told.length).toBe(1);
  late.catchingUp = true;
  late.lateLoss = { epoch: OLD, seq: 3 };
  await catchingUp.start(channel, late, { epoch: OLD, seq: 3 }, []);
  expect(scene.told.slice(1)).toEqual([`late ${OLD}:3 ${NEW}:0 epoch-changed`]);
  scene.channels.stop();
});

it('[MS4] nothing is told of epochs that the broker has forgotten: they were no loss as long as it knew', async () => {
  const scene = new Scene();
  const channel = await scene.live();
  await channel.catchUpTo(renewed(false));
  scene.isForgotten = true;
  scene.channels.onDataLost([0]);
  await eventually(() => !channel.hasPassedSilently, { what: 'it has asked' });
  expect(scene.told).toEqual([]);
  scene.channels.stop();
});

it('an answer from before the broker came back as another process is none', async () => {
  const scene = new Scene();
  const channel = await scene.live();
  const of = (lineage: Lineage, generation: string): Lineage => ({ ...lineage, generation });
  await channel.catchUpTo(of(soleEpoch(OLD, 3), '1-a'));
  channel.join(of(soleEpoch(OLD, 3), '1-a'));
  await channel.catchUpTo(of(renewed(false), '2-b'));
  await channel.catchUpTo(of(soleEpoch(OLD, 5), '1-a'));
  expect(channel.position).toEqual({ epoch: NEW, seq: 0 });
  scene.channels.stop();
});

it('what is asked of many channels in one turn is one call', async () => {
  const calls: string[] = [];
  const reader = new LineageReader({
    positions: async (keys) => {
      calls.push(`positions ${keys.length}`);
      return keys.map(() => undefined);
    },
    seal: async (keys) => {
      calls.push(`seal ${keys.length}`);
    },
  });
  const keys = Array.from({ length: 300 }, (_, i) => `app/${i}` as const);
  await Promise.all(keys.flatMap((key) => [reader.read(key), reader.seal(key)]));
  expect(calls.toSorted()).toEqual(['positions 300', 'seal 300']);
});
