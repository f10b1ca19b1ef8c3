/** D7, case g: an older Redis was put back, and `history` is asked for before anybody publishes or subscribes. */
import { startRedis } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connectClient } from '../people.ts';
import type { Service } from '../services.ts';
import { publishInTurn } from './in-turn.ts';
import { Scenes } from './scene.ts';

const CHANNELS = ['past:a'];

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

/** The keys of the newest messages, the newest first. */
async function newest({ port }: Service, limit: number): Promise<readonly string[]> {
  const client = await connectClient('reader', port);
  const { messages } = await client.history(CHANNELS[0]!, { limit });
  client.close();
  return messages.map(({ payload }) => (payload as { key: string }).key);
}

it('[D7] it has what is stored, and what is published again', { timeout: 120_000 }, async () => {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis);
  const { gateways, stage, services } = scene;
  const publisher = await stage.publisher('m', { gateway: gateways[0], channels: CHANNELS });
  await publishInTurn(publisher, 40);
  await scene.stored(40);
  const restore = await redis.keepCopy();
  await publishInTurn(publisher, 10);
  await scene.stored(50);
  await restore();
  // All is well again, and nobody has touched the channel yet.
  const other = await stage.publisher('other', { gateway: gateways[1], channels: ['past:b'] });
  await publishInTurn(other, 1);
  for (const gateway of services.gateways)
    expect(await newest(gateway, 12)).toEqual(Array.from({ length: 12 }, (_, i) => `m-${50 - i}`));
  await scene.expectSound();
});
