import {
  type Broker,
  type ChannelKey,
  createMemoryBroker,
  type GatewayFeed,
  soleEpoch,
} from '@carillon/broker';
import { createNamespaceResolver, loadConfig } from '@carillon/config';
import { createTelemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { expect, it } from 'vitest';
import { GROUPS } from '../config.ts';
import { Channels } from './channels.ts';
import { PositionWatch } from './position-watch.ts';
import { Subscriber, type SubscriberSink } from './subscriber.ts';

const KEYS = Array.from({ length: 450 }, (_, i): ChannelKey => `app/c${i}`);

const SINK: SubscriberSink = {
  connectionId: 'c',
  isOpen: true,
  sendFrame: () => undefined,
  sendMessage: () => undefined,
  sendMissed: () => undefined,
  room: () => undefined,
  tellGap: () => undefined,
};

it('the interest in all channels is renewed, and positions are watched, although what was missed can not be read', async () => {
  const { config } = loadConfig(GROUPS, {
    CARILLON_REDIS_URL: 'redis://not.used',
    CARILLON_JWT_SECRET: 'x'.repeat(40),
  });
  let newest = 1;
  const asked = new Set<ChannelKey>();
  /** How many channels were asked for again when the first one was caught up. */
  let askedAtFirstRead: number | undefined;
  const away = (): Promise<never> => {
    askedAtFirstRead ??= asked.size;
    return Promise.reject(new Error('history is away'));
  };
  const feed: GatewayFeed = {
    gateway: 'g',
    start: async () => undefined,
    subscribe: async (keys) => {
      for (const key of keys) asked.add(key);
      return keys.map(() => soleEpoch('e', newest));
    },
    unsubscribe: async () => undefined,
    positions: async (keys) => keys.map(() => soleEpoch('e', newest)),
    seal: async () => undefined,
    untilSettled: async () => true,
    askStored: async () => undefined,
    stop: async () => undefined,
  };
  const memory = createMemoryBroker();
  const broker: Broker = { ...memory, history: { ...memory.history, range: away }, partitionOf: () => 0 };
  const channels = new Channels({
    broker,
    feed,
    namespaces: createNamespaceResolver(config.namespaces),
    telemetry: createTelemetry({
      service: 'gateway',
      instanceId: 'test',
      version: '0',
      levels: { level: 'info', modules: {} },
      format: 'json',
      stream: { write: () => undefined },
      processMetrics: false,
    }),
    onStored: () => undefined,
    onDataLost: () => undefined,
    onConnection: () => undefined,
  });
  for (const channel of await Promise.all(KEYS.map((key) => channels.open(key)))) {
    channels.add(channel, new Subscriber(SINK));
    channel.lastActiveMs = -10_000;
  }
  asked.clear();
  newest = 5;
  channels.onInterestLost([0]);
  await eventually(() => asked.size === KEYS.length && askedAtFirstRead !== undefined, {
    what: 'all are asked for again',
  });
  expect(askedAtFirstRead).toBe(KEYS.length);
  const watch = new PositionWatch(channels, feed);
  await watch.compareOnce();
  expect(channels.find(KEYS[0]!)?.position).toEqual({ epoch: 'e', seq: 1 });
  channels.stop();
});
