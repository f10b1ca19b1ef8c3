/** Faults of one node among several: gateways' callbacks and log lines name the partition. */
import { slotOf } from '@carillon/redis';
import { eventually, type RedisCluster, redisCommand, startRedisCluster } from '@carillon/testing';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Broker, FeedHandler, GatewayFeed } from '../../ports.ts';
import { createRedisBroker } from '../redis-broker.ts';
import { ClusterKeys } from './cluster-keys.ts';

const PARTITIONS = 3;
/** Its node, and no other, has a fault. */
const CONCERNED = 1;

interface Line {
  readonly msg: string;
  readonly partition?: number;
  readonly partitions?: readonly number[];
}

let cluster: RedisCluster;
let broker: Broker;
let feed: GatewayFeed;
let lines: Line[];
let told: (readonly [boolean, readonly number[] | undefined])[];
beforeEach(async () => {
  cluster = await startRedisCluster({ appendonly: true });
  lines = [];
  told = [];
  broker = createRedisBroker({
    url: cluster.url,
    partitions: PARTITIONS,
    limits: { gatewayHeartbeatMs: 300 },
    connectTimeoutMs: 1000,
    logger: pino({}, { write: (line) => lines.push(JSON.parse(line)) }),
  });
  await broker.start();
  feed = broker.feed('g1');
  const ignore = (): void => undefined;
  const handler: FeedHandler = {
    onMessage: ignore,
    onStored: ignore,
    onBatchEnd: ignore,
    onInterestLost: ignore,
    onDataLost: ignore,
    onConnection: (up, away) => told.push([up, away]),
  };
  await feed.start(handler);
}, 60_000);
afterEach(async () => {
  await feed?.stop();
  await broker?.stop();
  await cluster?.stop();
});

const node = async () =>
  await cluster.ownerOf(slotOf(new ClusterKeys('carillon', CONCERNED, PARTITIONS).base(CONCERNED)));

it('a gateway is told which partitions are away, and nobody else is taken for away', {
  timeout: 60_000,
}, async () => {
  expect(told).toEqual([[true, undefined]]);
  const concerned = await node();
  await concerned.kill();
  await eventually(() => told.length > 1, { what: 'it is told' });
  await eventually(() => lines.length > 0, { what: 'it is logged' });
  await concerned.restart();
  await eventually(() => told.at(-1)![0], { what: 'all partitions are back', timeoutMs: 20_000 });
  const between = told.slice(1, -1);
  expect(between.length).toBeGreaterThan(0);
  for (const one of between.filter(([up]) => !up)) expect(one).toEqual([false, [CONCERNED]]);
  for (const { msg, partition, partitions = [partition] } of lines)
    expect([msg, partitions]).toEqual([msg, [CONCERNED]]);
});

it('what is logged of a partition that lost its data has its name, not the 0 that its part counts it as', {
  timeout: 60_000,
}, async () => {
  await redisCommand(await node(), 'FLUSHALL');
  const ofRaise = (): readonly Line[] => lines.filter(({ msg }) => msg.includes('go on in new epochs'));
  await eventually(() => ofRaise().length > 0, { what: 'the heartbeat finds no data', timeoutMs: 20_000 });
  expect(ofRaise()[0]).toMatchObject({ partitions: [CONCERNED] });
});
