/** D7, case a: Redis and both gateways end together, and the append-only file comes back older than what was accepted. */
import { startRedis, type TestRedis } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { publishInTurn } from './in-turn.ts';
import { type Scene, Scenes } from './scene.ts';

const CHANNELS = ['power:a'];

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

/** Ends Redis and all gateways at one moment, and starts them again with the data that `restore` has. */
async function losePower({ gateways }: Scene, redis: TestRedis, restore: () => Promise<void>): Promise<void> {
  await Promise.all([redis.kill(), ...gateways.map((gateway) => gateway.kill())]);
  await restore();
  await Promise.all(gateways.map((gateway) => gateway.start()));
}

async function begin() {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis);
  const { stage, gateways } = scene;
  for (const [i, gateway] of gateways.entries()) {
    await stage.subscriber(`sdk-${i}`, { gateway, channels: CHANNELS }).start();
    await (await stage.bareSubscriber(`bare-${i}`, { gateway, channels: CHANNELS })).start();
  }
  const away = stage.subscriber('away', {
    gateway: gateways[0],
    otherGateways: [gateways[1]],
    channels: CHANNELS,
  });
  await away.start();
  const before = await stage.publisher(
    'm',
    { gateway: gateways[0], channels: CHANNELS },
    { wantsStored: true },
  );
  return { redis, scene, away, before };
}

it('[D7] what Postgres has is not overwritten, by gateways that know nothing of it', {
  timeout: 180_000,
}, async () => {
  const { redis, scene, away, before } = await begin();
  await publishInTurn(before, 40);
  away.leave();
  await scene.stored(40);
  const restore = await redis.keepCopy();
  await publishInTurn(before, 10);
  await scene.stored(50);
  before.end();
  await losePower(scene, redis, restore);
  const after = await scene.stage.publisher(
    'n',
    { gateway: scene.gateways[0], channels: CHANNELS },
    { wantsStored: true },
  );
  await publishInTurn(after, 20);
  await away.start();
  await publishInTurn(after, 1);
  const { stored } = await scene.expectSound();
  expect(stored).toBe(71);
});

it('[D7] what nobody has any more is told, and its numbers are not given again', {
  timeout: 180_000,
}, async () => {
  const { redis, scene, away, before } = await begin();
  const [persistence] = scene.services.persistence;
  await publishInTurn(before, 40);
  away.leave();
  await scene.stored(40);
  const restore = await redis.keepCopy();
  persistence!.pause();
  await publishInTurn(before, 10);
  before.end();
  await losePower(scene, redis, restore);
  persistence!.resume();
  const after = await scene.stage.publisher(
    'n',
    { gateway: scene.gateways[0], channels: CHANNELS },
    { wantsStored: true },
  );
  await publishInTurn(after, 20);
  await away.start();
  await publishInTurn(after, 1);
  // Only subscribers have them.
  const isGone = (key: string): boolean => key.startsWith('m-') && Number(key.slice(2)) > 40;
  const { stored } = await scene.expectSound({ isGone, gone: 10 });
  // And what lay in the socket of persistence when it was paused.
  expect(stored).toBeGreaterThanOrEqual(61);
});
