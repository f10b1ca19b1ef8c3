import { type ChannelKey, createMemoryBroker, soleEpoch } from '@carillon/broker';
import { createNamespaceResolver, loadConfig } from '@carillon/config';
import { encodeRecord } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { expect, it } from 'vitest';
import { GROUPS } from '../config.ts';
import { Channels } from './channels.ts';
import { Subscriber, type SubscriberSink } from './subscriber.ts';
import { SystemNotices } from './system-notices.ts';

const SYSTEM: ChannelKey = 'app/#system';

/** A sink that records its frames, in order. */
function recordingSink(given: string[]): SubscriberSink {
  return {
    connectionId: 'c',
    isOpen: true,
    sendFrame: () => undefined,
    sendMessage: () => given.push('message'),
    sendMissed: () => given.push('message'),
    room: () => undefined,
    tellGap: (_channel, _from, _to, reason) => given.push(`gap ${reason}`),
  };
}

it('[CH7] a gap in #system is told to who subscribed to it, and to nobody else', async () => {
  const { config } = loadConfig(GROUPS, {
    CARILLON_REDIS_URL: 'redis://not.used',
    CARILLON_JWT_SECRET: 'x'.repeat(40),
  });
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });
  const broker = createMemoryBroker();
  const feed = broker.feed('g');
  const channels = new Channels({
    broker,
    feed,
    namespaces: createNamespaceResolver(config.namespaces),
    telemetry,
    onStored: () => undefined,
    onDataLost: () => undefined,
    onConnection: () => undefined,
  });
  await feed.start(channels);
  const stopping = new AbortController();
  void broker.cold.serve(async () => [], stopping.signal);
  const notices = new SystemNotices(channels, telemetry);
  const [unsubscribed, subscribed]: [string[], string[]] = [[], []];
  const channel = await channels.open(SYSTEM);
  notices.attach('app', recordingSink(unsubscribed));
  channels.add(channel, new Subscriber(recordingSink(subscribed)));
  // The broker came back without the channel, and made it anew.
  const record = encodeRecord({ id: 'm', timestamp: 1 }, '1');
  const top = soleEpoch('zzzzzzzzzzzz', 1);
  feed.positions = async (keys) => keys.map(() => top);
  broker.history.range = async () => ({ top, entries: [{ ...top, record }] });
  channels.onMessage(SYSTEM, top.epoch, top.seq, record);
  await eventually(() => subscribed.includes('message'), { what: 'the message of the new epoch' });
  expect(subscribed).toEqual(['gap epoch-changed', 'message']);
  expect(unsubscribed).toEqual(['message']);
  channels.stop();
  notices.stop();
  stopping.abort();
  await feed.stop();
});
