/** D7, cases c and k: many messages of one channel are lost in Redis and stored in Postgres, which can't always say so at once. */
import { startRedis } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Scene, Scenes } from './scene.ts';

const CHANNELS = ['many:a'];
/** More than any page of an answer has. */
const LOST = 2500;

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

async function begin() {
  const redis = await startRedis({ appendonly: true });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis);
  const { stage, gateways } = scene;
  for (const [i, gateway] of gateways.entries()) {
    await stage.subscriber(`sdk-${i}`, { gateway, channels: CHANNELS }).start();
    await (await stage.bareSubscriber(`bare-${i}`, { gateway, channels: CHANNELS })).start();
  }
  return { redis, scene };
}

/** Resolves when so many messages are accepted by each gateway and in Postgres. */
async function publishAndStore({ stage, gateways, stored }: Scene, each: number): Promise<void> {
  for (const [i, gateway] of gateways.entries()) {
    const publisher = await stage.publisher(`p${i}`, { gateway, channels: CHANNELS });
    publisher.start(10, { burst: 20, maxWaiting: 100 });
    await stage.traffic(each);
    await publisher.finish();
  }
  await stored(stage.frontier.accepted);
}

/** Messages that came to a client without the SDK, which leaves nothing out, more than once. */
async function expectNothingAgain(scene: Scene): Promise<void> {
  const { deliveries, accepted } = await scene.expectSound();
  // Two with the SDK, two without it: nothing of what is stored is published again.
  expect(deliveries).toBe(4 * accepted);
}

it('[D7] what is stored is not published again, however much it is', { timeout: 180_000 }, async () => {
  const { redis, scene } = await begin();
  await publishAndStore(scene, LOST / 2);
  await redis.restartEmpty();
  const after = await scene.stage.publisher('after', { gateway: scene.gateways[0], channels: CHANNELS });
  after.start(20);
  await scene.stage.traffic(20);
  await expectNothingAgain(scene);
});

it('[D7] what is stored is not published again, though nobody can say so for a while', {
  timeout: 180_000,
}, async () => {
  const { redis, scene } = await begin();
  await publishAndStore(scene, 100);
  const [persistence] = scene.services.persistence;
  persistence!.pause();
  await redis.restartEmpty();
  const after = await scene.stage.publisher('after', { gateway: scene.gateways[0], channels: CHANNELS });
  after.start(20);
  // Longer than a gateway waits for an answer.
  await new Promise((resolve) => setTimeout(resolve, 7000));
  persistence!.resume();
  await scene.stage.traffic(20);
  await expectNothingAgain(scene);
});
