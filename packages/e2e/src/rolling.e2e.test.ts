/** O10, D1, D4: rolling stops, lanes crossed under load, recovery from Postgres, `stored` over an absence of persistence. */
import { RealtimeClient, type RecoveredEvent, type Subscription } from '@carillon/client';
import type { Position } from '@carillon/protocol';
import { eventually } from '@carillon/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, type Service, startCluster } from './cluster.ts';
import { Ledger } from './ledger.ts';
import { metricOf } from './metrics-of.ts';
import { connectClient, type PublisherRun, startPublishing, startSubscriber, tokenFor } from './people.ts';
import { storedMessages } from './stored-messages.ts';

const CHANNELS = ['rolling:a', 'rolling:b', 'rolling:c'];
const STEP = 150;
const SUBSCRIBERS = ['subscriber-1', 'subscriber-2'];

async function subscribed(subscription: Subscription): Promise<{ readonly position: Position }> {
  const { promise, resolve } = Promise.withResolvers<{ readonly position: Position }>();
  subscription.on('subscribed', resolve);
  return await promise;
}

describe('rolling stops and lanes', () => {
  let cluster: Cluster;
  const ledger = new Ledger();
  const clients: RealtimeClient[] = [];
  const publishers: PublisherRun[] = [];

  const traffic = async (): Promise<void> => {
    const goal = ledger.accepted.length + STEP;
    await eventually(() => ledger.accepted.length >= goal, {
      what: `${STEP} more accepted publishes`,
      timeoutMs: 30_000,
    });
  };

  beforeAll(async () => {
    cluster = await startCluster({
      gateways: 3,
      env: {
        CARILLON_DIRECT_LANE_MAX_GATEWAYS: '2',
        CARILLON_NAMESPACES: JSON.stringify({
          brief: { history: { maxMessages: 5, ttlMs: '1h' }, recoveryMaxMessages: 1000 },
          fleeting: { ephemeral: true },
        }),
      },
    });
    const [first, second] = cluster.gateways.map(({ port }) => port);
    clients.push(await startSubscriber(SUBSCRIBERS[0]!, first!, CHANNELS, ledger));
    clients.push(await startSubscriber(SUBSCRIBERS[1]!, second!, CHANNELS, ledger));
    for (const [i, port] of [first!, second!].entries()) {
      const client = await connectClient(`publisher-${i}`, port);
      clients.push(client);
      publishers.push(startPublishing(`publisher-${i}`, client, CHANNELS, ledger, 5));
    }
  }, 180_000);

  afterAll(async () => {
    for (const publisher of publishers) publisher.abandon();
    for (const client of clients) client.close();
    await cluster?.stop();
  });

  it('[D1] crosses the threshold of the lanes both ways under load', { timeout: 180_000 }, async () => {
    const sum = async (name: string): Promise<number> => {
      const counts = await Promise.all(cluster.routers.map(({ port }) => metricOf(port, name)));
      return counts.reduce<number>((total, count) => total + (count ?? 0), 0);
    };
    /** Resolves when it is known from where; what it resolves with waits until it has risen by so much. */
    const rises = async (name: string, by: number, what: string) => {
      const goal = (await sum(name)) + by;
      return () => eventually(async () => (await sum(name)) >= goal, { what, timeoutMs: 40_000 });
    };
    for (let round = 0; round < 4; round++) {
      // All of them: a straggler would be taken for the next round's.
      const narrowed = await rises(
        'carillon_router_channels_narrowed_total',
        CHANNELS.length,
        'the channels are back in the direct lane',
      );
      const routed = await rises('carillon_router_messages_total', 1, 'the routers carry the channels');
      const guest = await startSubscriber(
        `guest-${round}`,
        cluster.gateways[2]!.port,
        CHANNELS,
        new Ledger(),
      );
      await routed();
      guest.close();
      await narrowed();
    }
  });

  it('[O10] stops every service in turn with exit code 0 while messages flow', {
    timeout: 300_000,
  }, async () => {
    const services: readonly Service[] = [...cluster.gateways, ...cluster.routers, ...cluster.persistence];
    for (const service of services) {
      await traffic();
      expect([service.name, await service.stop()]).toEqual([service.name, 0]);
      await service.start();
    }
    await traffic();
  });

  it('[D2] accepts while persistence is away, and says `stored` when it is back', {
    timeout: 120_000,
  }, async () => {
    for (const worker of cluster.persistence) await worker.stop();
    const client = await connectClient('storing', cluster.gateways[0]!.port);
    clients.push(client);
    let stored = false;
    const publishing = client.publish('storing:a', { key: 'stored later' }, { stored: true });
    const done = publishing.stored.then((position) => {
      stored = true;
      return position;
    });
    const { epoch, seq } = await publishing;
    await traffic();
    expect(stored).toBe(false);
    for (const worker of cluster.persistence) await worker.start();
    expect(await done).toMatchObject({ epoch, seq });
    expect((await storedMessages(cluster.postgres.url)).get(`storing:a ${epoch}:${seq}`)).toBe(
      'stored later',
    );
  });

  it('[D4] gives back from Postgres what Redis no longer has, in order, before what is new', {
    timeout: 120_000,
  }, async () => {
    const port = cluster.gateways[1]!.port;
    const writer = await connectClient('writer', port);
    clients.push(writer);
    const first = await writer.publish('brief:a', { key: '0' });
    const last = [];
    for (let n = 1; n <= 60; n++) last.push(writer.publish('brief:a', { key: String(n) }, { stored: true }));
    await Promise.all(last.map(({ stored }) => stored));

    const { epoch, seq } = first;
    const keys: string[] = [];
    const recovery = Promise.withResolvers<unknown>();
    const reader = new RealtimeClient({ url: `ws://127.0.0.1:${port}`, token: await tokenFor('reader') });
    clients.push(reader);
    const subscription = reader.subscribe<{ key: string }>(
      'brief:a',
      ({ payload }) => keys.push(payload.key),
      { position: { epoch, seq } },
    );
    subscription.on('recovered', recovery.resolve);
    await reader.connect();
    expect(await recovery.promise).toMatchObject({ recovered: true, missed: 60 });
    await writer.publish('brief:a', { key: '61' });
    await eventually(() => keys.length >= 61, { what: 'all messages' });
    expect(keys).toEqual(Array.from({ length: 61 }, (_, i) => String(i + 1)));
  });

  it('[SU5] gives all messages of a channel to a client that was there before the first, although the channel left nothing', {
    timeout: 120_000,
  }, async () => {
    const channel = 'rolling:empty';
    const early = await connectClient('early', cluster.gateways[0]!.port);
    const { position } = await subscribed(early.subscribe(channel, () => undefined));
    early.close();
    const admin = new Redis(cluster.redis.url);
    // A gateway keeps a channel for some seconds after its last subscriber.
    await eventually(async () => (await admin.keys(`*c:*${channel}`)).length === 0, {
      what: 'the channel is forgotten',
      timeoutMs: 30_000,
    });
    admin.disconnect();
    const late = await connectClient('late', cluster.gateways[1]!.port);
    clients.push(late);
    for (const key of ['first', 'second']) await late.publish(channel, { key });
    const keys: string[] = [];
    const recovery = Promise.withResolvers<unknown>();
    late
      .subscribe<{ key: string }>(channel, ({ payload }) => keys.push(payload.key), { position })
      .on('recovered', recovery.resolve);
    expect(await recovery.promise).toMatchObject({ recovered: true, missed: 2 });
    await eventually(() => keys.length === 2, { what: 'both messages' });
    expect(keys).toEqual(['first', 'second']);
  });

  it('[D4] says why it can not give back', async () => {
    const port = cluster.gateways[0]!.port;
    const client = await connectClient('reader-2', port);
    clients.push(client);
    const { epoch, seq } = await client.publish('fleeting:a', { key: 'gone' });
    await client.publish('fleeting:a', { key: 'gone, too' });
    const answerFor = async (channel: string, position: Position): Promise<RecoveredEvent> => {
      const answer = Promise.withResolvers<RecoveredEvent>();
      client.subscribe(channel, () => undefined, { position }).on('recovered', answer.resolve);
      return await answer.promise;
    };
    expect(await answerFor('fleeting:a', { epoch, seq })).toMatchObject({
      recovered: false,
      reason: 'history-disabled',
    });
    expect(await answerFor('rolling:a', { epoch: '000000000000', seq: 3 })).toMatchObject({
      recovered: false,
      reason: 'epoch-changed',
    });
  });

  it('[D1 D2 D3 D6] lost nothing, doubled nothing, reordered nothing', { timeout: 120_000 }, async () => {
    await Promise.all(publishers.map((publisher) => publisher.finish()));
    for (const subscriber of SUBSCRIBERS)
      await eventually(() => ledger.hasAll(subscriber), {
        what: `${subscriber} has all messages`,
        timeoutMs: 30_000,
      });
    expect(ledger.violations(SUBSCRIBERS)).toEqual([]);
    expect(ledger.unresolved.size).toBe(0);
  });
});
