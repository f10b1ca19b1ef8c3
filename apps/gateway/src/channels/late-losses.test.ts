import { createMemoryBroker, type GatewayFeed, type Lineage, soleEpoch } from '@carillon/broker';
import { createNamespaceResolver } from '@carillon/config';
import { createTelemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { expect, it } from 'vitest';
import { Channels } from './channels.ts';
import { LineageReader } from './lineage-reader.ts';
import { Subscriber, type SubscriberSink } from './subscriber.ts';

const KEY = 'app/a';
const [OLD, NEW] = ['mmmmmmmmaaaa', 'nnnnnnnnaaaa'];

const TELEMETRY = createTelemetry({
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

it('[MS4] a loss that becomes known while a channel goes on in another epoch is told', async () => {
  let isLossy = false;
  const calls: string[] = [];
  const feed: GatewayFeed = {
    gateway: 'g',
    start: async () => undefined,
    subscribe: async (keys) => {
      calls.push('subscribe');
      return keys.map(() => (calls.length === 1 ? soleEpoch(OLD, 3) : renewed(isLossy)));
    },
    unsubscribe: async () => undefined,
    positions: async (keys) => keys.map(() => renewed(isLossy)),
    seal: async () => undefined,
    untilSettled: async () => true,
    askStored: async () => undefined,
    stop: async () => undefined,
  };
  const channels = new Channels({
    broker: createMemoryBroker(),
    feed,
    namespaces: createNamespaceResolver(),
    telemetry: TELEMETRY,
    onStored: () => undefined,
    onDataLost: () => undefined,
    onConnection: () => undefined,
  });
  const told: string[] = [];
  const sink: SubscriberSink = {
    connectionId: 'c',
    isOpen: true,
    sendFrame: () => undefined,
    sendMessage: () => undefined,
    sendMissed: () => undefined,
    room: () => undefined,
    tellGap: (_channel, from, to, reason) =>
      told.push(`${from.epoch}:${from.seq} ${to.epoch}:${to.seq} ${reason}`),
  };
  const channel = await channels.open(KEY);
  channels.add(channel, new Subscriber(sink));
  const passing = channel.catchUpTo(renewed(false));
  // The state that it goes by says nothing of a loss; before it has gone on, the loss is told.
  isLossy = true;
  channels.onDataLost([0]);
  await passing;
  await eventually(() => told.length > 0, { what: 'the gap' });
  expect(told).toEqual([`${OLD}:3 ${NEW}:0 epoch-changed`]);
  channels.stop();
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
