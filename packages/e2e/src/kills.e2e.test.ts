/** D1, D2, D3, D5, D6: each service killed while messages flow. */
import type { RealtimeClient } from '@carillon/client';
import { eventually } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BareSubscriber } from './bare-subscriber.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { cutFeeds } from './cut-feeds.ts';
import { Ledger } from './ledger.ts';
import { connectClient, type PublisherRun, startPublishing, startSubscriber } from './people.ts';
import { storedMessages } from './stored-messages.ts';

const CHANNELS = ['kills:a', 'kills:b', 'kills:c', 'kills:d'];
/** Publishes between two steps of a test: enough that a kill falls among them. */
const BETWEEN_STEPS = 120;

describe('kill -9 while messages flow', () => {
  let cluster: Cluster;
  const ledger = new Ledger();
  const clients: RealtimeClient[] = [];
  const publishers: PublisherRun[] = [];
  const subscribers = ['subscriber-1', 'subscriber-2', 'subscriber-3', 'subscriber-4'];

  const traffic = async (): Promise<void> => {
    const goal = ledger.accepted.length + BETWEEN_STEPS;
    await eventually(() => ledger.accepted.length >= goal, {
      what: `${BETWEEN_STEPS} more accepted publishes`,
      timeoutMs: 30_000,
    });
  };
  const killAndRestart = async (service: {
    kill(): Promise<void>;
    start(): Promise<void>;
  }): Promise<void> => {
    await traffic();
    await service.kill();
    await service.start();
    await traffic();
  };

  beforeAll(async () => {
    // One gateway is enough to make a channel wide, so that these channels take the routed lane as soon as both gateways want them.
    cluster = await startCluster({ env: { CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1' } });
    const ports = cluster.gateways.map((gateway) => gateway.port);
    for (const [i, name] of subscribers.entries())
      clients.push(await startSubscriber(name, ports[i % ports.length]!, CHANNELS, ledger));
    for (const [i, port] of ports.entries()) {
      const client = await connectClient(`publisher-${i}`, port);
      clients.push(client);
      publishers.push(startPublishing(`publisher-${i}`, client, CHANNELS, ledger, 5));
    }
  }, 240_000);

  afterAll(async () => {
    for (const publisher of publishers) publisher.abandon();
    for (const client of clients) client.close();
    await cluster?.stop();
  });

  it('goes on after each gateway is killed', { timeout: 180_000 }, async () => {
    for (const gateway of cluster.gateways) await killAndRestart(gateway);
  });

  it('goes on after each router is killed', { timeout: 180_000 }, async () => {
    for (const router of cluster.routers) await killAndRestart(router);
  });

  it('goes on after persistence is killed', { timeout: 180_000 }, async () => {
    for (const worker of cluster.persistence) await killAndRestart(worker);
  });

  it('goes on after Redis is killed and comes back with its append-only file', {
    timeout: 180_000,
  }, async () => {
    await traffic();
    await cluster.redis.kill();
    await cluster.redis.restart();
    await traffic();
  });

  it('[D5] heals what a gateway missed when its feed was cut, before its clients see it', {
    timeout: 180_000,
  }, async () => {
    const second = cluster.gateways[1]!;
    const bare = await BareSubscriber.open(second.port, CHANNELS[0]!);
    const caughtUp = (): Promise<void> => {
      const { seq } = ledger.accepted.findLast(({ channel }) => channel === CHANNELS[0])!;
      return eventually(() => bare.seqs.at(-1)! >= seq, {
        what: `the bare client has ${seq}`,
        timeoutMs: 30_000,
      });
    };
    await traffic();
    await caughtUp();
    second.pause();
    let cut = 0;
    await eventually(
      async () => {
        cut += await cutFeeds(cluster.redis.url);
        return cut > 50;
      },
      { what: 'messages thrown away' },
    );
    second.resume();
    await traffic();
    await caughtUp();
    bare.close();
    expect(bare.seqs).toEqual(bare.expected);
    expect(bare.others.filter(({ type }) => type === 'gap')).toEqual([]);
  });

  it('[D1 D2 D3 D6] lost nothing, doubled nothing, reordered nothing, and Postgres has it all', {
    timeout: 180_000,
  }, async () => {
    await Promise.all(publishers.map((publisher) => publisher.finish()));
    for (const subscriber of subscribers) {
      await eventually(() => ledger.hasAll(subscriber), {
        what: `${subscriber} has all messages`,
        timeoutMs: 30_000,
      });
    }
    expect(ledger.violations(subscribers)).toEqual([]);
    expect(ledger.unresolved.size).toBe(0);
    await eventually(
      async () => (await storedMessages(cluster.postgres.url)).size >= ledger.accepted.length,
      { what: 'all messages in Postgres', timeoutMs: 30_000 },
    );
    const stored = await storedMessages(cluster.postgres.url);
    expect(stored.size).toBe(ledger.accepted.length);
    for (const { channel, epoch, seq, key } of ledger.accepted)
      expect(stored.get(`${channel} ${epoch}:${seq}`)).toBe(key);
  });
});
