/** D7: Redis comes back without its tail, empty, or as a replica that lagged, while messages flow. */
import type { RealtimeClient } from '@carillon/client';
import { eventually, startPostgres, startRedis, startRedisPair } from '@carillon/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';
import { connectClient, startPublishing } from './people.ts';
import { migrate, type Services, startServices } from './services.ts';
import { storedMessages } from './stored-messages.ts';

const CHANNELS = ['loss:a', 'loss:b', 'loss:c'];
const BETWEEN_STEPS = 150;
const CONFIG = { appendfsync: 'always' };

interface Got {
  readonly channel: string;
  readonly epoch: string;
  readonly seq: number;
  readonly key: string;
}

/** A subscriber that may see epochs change. */
async function follow(name: string, port: number) {
  const client = await connectClient(name, port);
  const got: Got[] = [];
  const changes: string[] = [];
  await Promise.all(
    CHANNELS.map(async (channel) => {
      const subscription = client.subscribe<{ key: string }>(channel, ({ epoch, seq, payload }) =>
        got.push({ channel, epoch, seq, key: payload.key }),
      );
      subscription.on('gap', ({ reason }) => changes.push(`${channel} ${reason}`));
      subscription.on('recovered', ({ recovered, reason }) => {
        if (!recovered) changes.push(`${channel} ${reason}`);
      });
      await subscription.ready();
    }),
  );
  return { client, got, changes };
}

/** The order within an epoch, and that every change of epoch was told. */
function violations({ got, changes }: { readonly got: readonly Got[]; readonly changes: readonly string[] }) {
  return CHANNELS.flatMap((channel) => {
    const messages = got.filter((message) => message.channel === channel);
    const found: string[] = [];
    let epochs = 0;
    for (const [i, message] of messages.entries()) {
      const before = messages[i - 1];
      if (before === undefined) continue;
      if (before.epoch !== message.epoch) epochs++;
      if (message.epoch < before.epoch)
        found.push(`${channel}: epoch ${message.epoch} after ${before.epoch}`);
      // In a new epoch the SDK leaves out what it had before; only the first one is without steps.
      const step = epochs === 0 ? 1 : Number.POSITIVE_INFINITY;
      if (message.epoch === before.epoch && (message.seq <= before.seq || message.seq > before.seq + step))
        found.push(`${channel}: ${message.seq} after ${before.seq}`);
    }
    const keys = new Set(messages.map(({ key }) => key));
    if (keys.size !== messages.length) found.push(`${channel}: ${messages.length - keys.size} came twice`);
    if (changes.filter((change) => change === `${channel} epoch-changed`).length < epochs)
      found.push(`${channel}: ${epochs} new epochs, told: ${changes.join(', ') || 'none'}`);
    return found;
  });
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function provoke(
  redisUrl: string,
  lose: (traffic: () => Promise<void>) => Promise<unknown>,
): Promise<void> {
  const postgres = await startPostgres();
  closers.push(() => postgres.stop());
  await migrate(postgres.url);
  const services: Services = await startServices({
    redisUrl,
    databaseUrl: postgres.url,
    routers: 1,
    env: { CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1' },
  });
  closers.push(() => services.stop());
  const ports = services.gateways.map(({ port }) => port);
  const ledger = new Ledger();
  const clients: RealtimeClient[] = [];
  closers.push(() => {
    for (const client of clients) client.close();
  });
  const subscribers = await Promise.all(ports.map((port, i) => follow(`subscriber-${i}`, port)));
  clients.push(...subscribers.map(({ client }) => client));
  const publishers = await Promise.all(
    ports.map(async (port, i) => {
      const client = await connectClient(`publisher-${i}`, port);
      clients.push(client);
      return startPublishing(`publisher-${i}`, client, CHANNELS, ledger, 5);
    }),
  );
  closers.push(() => {
    for (const publisher of publishers) publisher.abandon();
  });
  const traffic = async (): Promise<void> => {
    const goal = ledger.accepted.length + BETWEEN_STEPS;
    await eventually(() => ledger.accepted.length >= goal, { what: 'traffic', timeoutMs: 30_000 });
  };
  await traffic();
  await lose(traffic);
  await traffic();
  await Promise.all(publishers.map((publisher) => publisher.finish()));

  const missing = (keys: Iterable<string>): readonly string[] => {
    const known = new Set(keys);
    return ledger.accepted
      .filter(({ key }) => !known.has(key))
      .map(({ channel, epoch, seq, key }) => `${channel} ${epoch}:${seq} ${key}`);
  };
  for (const { got } of subscribers)
    await eventually(() => missing(got.map(({ key }) => key)).length === 0, {
      what: 'every subscriber has every accepted message',
      timeoutMs: 30_000,
    }).catch((cause: unknown) => {
      throw new Error(`never came: ${missing(got.map(({ key }) => key)).join('\n')}`, { cause });
    });
  expect(subscribers.flatMap(violations)).toEqual([]);
  expect(new Set(subscribers[0]!.got.map(({ epoch }) => epoch)).size).toBeGreaterThan(CHANNELS.length);
  await eventually(async () => missing((await storedMessages(postgres.url)).values()).length === 0, {
    what: 'every accepted message is in Postgres',
    timeoutMs: 30_000,
  });
}

describe('[D7] Redis that lost acknowledged messages', () => {
  it('restarted without its tail', { timeout: 240_000 }, async () => {
    const redis = await startRedis({ appendonly: true, config: CONFIG });
    closers.push(() => redis.stop());
    await provoke(redis.url, () => redis.restartWithTailLost(150));
  });

  it('restarted empty', { timeout: 240_000 }, async () => {
    const redis = await startRedis({ appendonly: true, config: CONFIG });
    closers.push(() => redis.stop());
    await provoke(redis.url, () => redis.restartEmpty());
  });

  it('failed over to a replica that lagged', { timeout: 240_000 }, async () => {
    const pair = await startRedisPair({ appendonly: true, config: CONFIG });
    closers.push(() => pair.stop());
    await provoke(pair.url, async (traffic) => {
      pair.lag();
      await traffic(); // what the replica will lack
      await pair.failOver();
    });
  });
});
