/** D7, case f: somebody empties Redis (FLUSHALL) while all connections stay. */
import { redisCommand, startRedis } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { publishInTurn } from './in-turn.ts';
import { ProducerSocket } from './producer-socket.ts';
import { Scenes } from './scene.ts';

const CHANNELS = ['flush:a', 'flush:b'];

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

async function begin() {
  const redis = await startRedis({ appendonly: true });
  scenes.closing(() => redis.stop());
  return { redis, scene: await scenes.open(redis) };
}

it('[D7] what was accepted and is not stored yet is stored all the same, and its publishers are told', {
  timeout: 120_000,
}, async () => {
  const { redis, scene } = await begin();
  const { stage, gateways, services } = scene;
  for (const [i, gateway] of gateways.entries()) {
    await stage.subscriber(`sdk-${i}`, { gateway, channels: CHANNELS }).start();
    await (await stage.bareSubscriber(`bare-${i}`, { gateway, channels: CHANNELS })).start();
    const publisher = await stage.publisher(`p${i}`, { gateway, channels: CHANNELS }, { wantsStored: true });
    publisher.start(10);
  }
  await stage.traffic(100);
  services.persistence[0]!.pause();
  await stage.traffic(300);
  await redisCommand(redis, 'FLUSHALL');
  services.persistence[0]!.resume();
  await stage.traffic(200, 20_000).catch(() => undefined); // publishers that are stuck are found by the checker
  const { accepted, stored } = await scene.expectSound();
  expect(stored).toBe(accepted);
});

it('[D7] a publisher that repeats what it sent before is not told that it is something else', {
  timeout: 120_000,
}, async () => {
  const { redis, scene } = await begin();
  const socket = await ProducerSocket.open(scene.gateways[0].port, CHANNELS[0]!);
  scenes.closing(() => socket.close());
  for (let seq = 1; seq <= 10; seq++) expect(await socket.publish(seq)).toMatchObject({ type: 'accepted' });
  await scene.stored(10);
  await redisCommand(redis, 'FLUSHALL');
  // A publisher that lost the answer to the tenth repeats it, behind the eleventh or ahead of it.
  expect(await socket.publishPatiently(11)).toMatchObject({ type: 'accepted' });
  expect(await socket.publishPatiently(10)).toMatchObject({ type: 'accepted', duplicate: true });
  await publishInTurn(
    await scene.stage.publisher('p', { gateway: scene.gateways[1], channels: CHANNELS }),
    2,
  );
  await scene.stored(13);
});
