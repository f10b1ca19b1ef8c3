/** D7, case j: Sentinel names another primary while the old one lives, and the connections to it. */
import { eventually, startSentinelledRedis } from '@carillon/testing';
import { afterAll, beforeAll, it } from 'vitest';
import { type Scene, Scenes } from './scene.ts';

const CHANNELS = ['planned:a', 'planned:b'];
/** While it is cut off from the sentinel, the old primary answers everybody else. */
const CUT_OFF_ACCEPTED = 200;

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterAll(() => scenes.stop());

async function begin(scene: Scene): Promise<void> {
  const { stage, gateways } = scene;
  for (const [i, gateway] of gateways.entries()) {
    const place = { gateway, channels: CHANNELS };
    await stage.subscriber(`sdk-${i}`, place).start();
    await (await stage.bareSubscriber(`bare-${i}`, place)).start();
    (await stage.publisher(`p${i}`, place, { wantsStored: true })).start(10, { maxWaiting: 50 });
  }
  await stage.traffic(200);
}

it.concurrent('[D7] a planned failover, and a gateway that is restarted right after it', {
  timeout: 180_000,
}, async () => {
  const redis = await startSentinelledRedis({ appendonly: true });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis);
  await begin(scene);
  await redis.failOver();
  await scene.gateways[1].kill();
  await scene.gateways[1].start();
  await scene.stage.traffic(300, 20_000).catch(() => undefined); // publishers that are stuck are found by the checker
  await scene.expectSound();
});

/** The second is Sentinel's default. */
it.concurrent.each([1000, 30_000])(
  '[D7] the sentinel is cut off from the primary for over %s ms, its clients are not, and a gateway is restarted',
  {
    timeout: 180_000,
  },
  async (downAfterMs) => {
    const redis = await startSentinelledRedis({ appendonly: true, isolatable: true, downAfterMs });
    scenes.closing(() => redis.stop());
    const scene = await scenes.open(redis);
    await begin(scene);
    await redis.isolate();
    await eventually(redis.hasFailedOver, { what: 'the failover', timeoutMs: 60_000 });
    await scene.gateways[1].kill();
    await scene.gateways[1].start();
    await scene.stage.traffic(CUT_OFF_ACCEPTED, 20_000).catch(() => undefined);
    await redis.rejoin();
    await scene.stage.traffic(CUT_OFF_ACCEPTED, 20_000).catch(() => undefined);
    await scene.expectSound();
  },
);
