/** D7, case b: a consumer with acknowledgements is away while Redis comes back with less, and goes on where it acknowledged. */
import type { Position } from '@carillon/protocol';
import { eventually, redisCommand, startRedis, type TestRedis } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connectClient, tokenFor } from '../people.ts';
import type { Service } from '../services.ts';
import { publishInTurn } from './in-turn.ts';
import { Scenes } from './scene.ts';

const CHANNEL = 'orders:eu';
const NAMESPACES = JSON.stringify({ orders: { ackTimeoutMs: '30s' } });

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

/** The consumer `billing` of `ada`. It acknowledges the message with the key `ackUpTo`. */
async function startConsumer({ port }: Service, ackUpTo: string) {
  const client = await connectClient('ada', port);
  const keys: string[] = [];
  const told: string[] = [];
  const options = { consumer: 'billing' };
  const subscription = client.subscribe<{ key: string }>(
    CHANNEL,
    (message) => {
      keys.push(message.payload.key);
      if (message.payload.key === ackUpTo) subscription.ack(message);
    },
    options,
  );
  subscription.on('recovered', ({ recovered, missed, reason }) =>
    told.push(recovered ? `recovered, ${missed} missed` : `not recovered: ${reason}`),
  );
  subscription.on('gap', ({ reason }) => told.push(`gap: ${reason}`));
  await subscription.ready();
  return { client, keys, told };
}

async function ackedBy({ port }: Service): Promise<Position | undefined> {
  const headers = { authorization: `Bearer ${await tokenFor('operator')}` };
  const response = await fetch(
    `http://127.0.0.1:${port}/v1/channels/${encodeURIComponent(CHANNEL)}/consumers`,
    { headers },
  );
  return ((await response.json()) as { consumers?: { acked: Position }[] }).consumers?.[0]?.acked;
}

async function goThrough(lose: (redis: TestRedis) => Promise<unknown>): Promise<void> {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis, { env: { CARILLON_NAMESPACES: NAMESPACES } });
  const { stage, gateways } = scene;
  const publisher = await stage.publisher('m', { gateway: gateways[1], channels: [CHANNEL] });
  const first = await startConsumer(gateways[0], 'm-10');
  await publishInTurn(publisher, 10);
  await eventually(async () => (await ackedBy(gateways[0]))?.seq === 10, { what: 'm-10 is acknowledged' });
  first.client.close();
  await publishInTurn(publisher, 10);
  await scene.stored(20);
  await lose(redis);
  await publishInTurn(publisher, 5);
  const second = await startConsumer(gateways[0], 'm-25');
  scenes.closing(() => second.client.close());
  const expected = Array.from({ length: 15 }, (_, i) => `m-${i + 11}`);
  await eventually(() => second.keys.length >= expected.length, { what: 'all', timeoutMs: 10_000 }).catch(
    () => undefined, // what came, and what it was told, says more
  );
  expect([...second.keys], second.told.join()).toEqual(expected);
  // A Redis without data may have lost more: a gap is told, and every message that is left arrives.
  const isExpected = (text: string): boolean =>
    text.startsWith('recovered') || text.endsWith('epoch-changed');
  expect(second.told.filter((text) => !isExpected(text))).toEqual([]);
  await scene.expectSound();
}

it('[D7] a consumer goes on where it acknowledged, when Redis comes back empty', { timeout: 120_000 }, () =>
  goThrough((redis) => redis.restartEmpty()),
);

it('[D7] a consumer goes on where it acknowledged, after FLUSHALL', { timeout: 120_000 }, () =>
  goThrough((redis) => redisCommand(redis, 'FLUSHALL')),
);
