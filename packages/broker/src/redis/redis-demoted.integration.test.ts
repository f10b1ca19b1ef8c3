/** The server behind the connections is turned into a replica, and keeps them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { eventually, startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Broker, FeedHandler, Publication, PublishOutcome } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

const CHANNEL = 'app/c';

let old: TestRedis;
let next: TestRedis;
/** As a service address does: new connections go to another server, present ones stay. */
let address: Server;
let target: number;
let broker: Broker;

beforeEach(async () => {
  const config = { 'repl-diskless-sync-delay': '0' };
  [old, next] = await Promise.all([startRedis({ config }), startRedis({ config })]);
  target = old.port;
  address = createServer((socket) => {
    const upstream = connect(target, '127.0.0.1');
    socket.pipe(upstream).pipe(socket);
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(address, 'listening');
  broker = createRedisBroker({
    url: `redis://127.0.0.1:${(address.address() as AddressInfo).port}`,
    limits: { gatewayHeartbeatMs: 500 },
    logger: pino({ level: 'silent' }),
  });
  await broker.start();
});
afterEach(async () => {
  await broker.stop();
  address.close();
  await Promise.all([old.stop(), next.stop()]);
});

const publish = async (record: string): Promise<PublishOutcome> => {
  const publication: Publication = {
    channel: CHANNEL,
    id: record,
    record,
    keeping: { history: { maxMessages: 1000, ttlMs: 60_000 }, durable: false },
  };
  return (await broker.publisher.publish([publication]))[0]!;
};

/** The other one is the primary from now on. Whoever is connected stays so. */
async function switchOver(): Promise<void> {
  const [first, second] = [new Redis(old.url), new Redis(next.url)];
  await second.replicaof('127.0.0.1', String(old.port));
  await eventually(async () => (await second.info('replication')).includes('master_link_status:up'), {
    what: 'the replica has everything',
    timeoutMs: 20_000,
  });
  await second.replicaof('NO', 'ONE');
  await first.replicaof('127.0.0.1', String(next.port));
  target = next.port;
  first.disconnect();
  second.disconnect();
}

it('all connections are made anew: publishes and feeds find the new primary', {
  timeout: 120_000,
}, async () => {
  const got: string[] = [];
  const feed = broker.feed('g');
  const handler: FeedHandler = {
    onMessage: (_channel, _epoch, _seq, record) => got.push(record),
    onStored: () => undefined,
    onBatchEnd: () => undefined,
    onInterestLost: () => void feed.subscribe([CHANNEL]).catch(() => undefined),
    onDataLost: () => undefined,
    onConnection: () => undefined,
  };
  await feed.start(handler);
  await feed.subscribe([CHANNEL]);
  expect(await publish('before')).toMatchObject({ status: 'accepted', seq: 1 });
  await eventually(() => got.length === 1, { what: 'the first message' });
  await switchOver();
  await eventually(async () => (await publish('after')).status === 'accepted', {
    what: 'a publish on the new primary',
    timeoutMs: 20_000,
  });
  await eventually(() => got.includes('after'), { what: 'the feed of the new primary' });
  await feed.stop();
});
