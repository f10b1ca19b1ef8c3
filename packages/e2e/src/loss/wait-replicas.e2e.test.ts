/** D7, case k: publishing waits for a replica (WAIT), and a failover is planned: nobody dies, and nothing is stored twice. */
import { startSentinelledRedis } from '@carillon/testing';
import { afterAll, beforeAll, it } from 'vitest';
import { Scenes } from './scene.ts';

const CHANNELS = ['waiting:a', 'waiting:b'];

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterAll(() => scenes.stop());

it('[D7] what has an unknown outcome, and is stored, is not stored again when its publisher repeats it', {
  timeout: 180_000,
}, async () => {
  const redis = await startSentinelledRedis({ appendonly: true });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis, { env: { CARILLON_REDIS_WAIT_REPLICAS: '1' } });
  const { stage, gateways } = scene;
  for (const [i, gateway] of gateways.entries()) {
    const place = { gateway, channels: CHANNELS };
    await stage.subscriber(`sdk-${i}`, place).start();
    await (await stage.bareSubscriber(`bare-${i}`, place)).start();
    (await stage.publisher(`p${i}`, place, { wantsStored: true })).start(10, { maxWaiting: 200 });
  }
  await stage.traffic(200);
  await redis.failOver();
  // The old primary has no replica until the sentinel demotes it, and no outcome is known for as long.
  await stage.traffic(400, 40_000).catch(() => undefined); // publishers that are stuck are found by the checker
  await scene.expectSound();
});
