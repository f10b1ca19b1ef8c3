/** D7, case i, on Sentinel: with its default of 30 s until a primary counts as down, and quickly. */
import { startSentinelledRedis } from '@carillon/testing';
import { afterAll, beforeAll, it } from 'vitest';
import { Scenes } from './scene.ts';
import { failSlowly, QUICK_HEARTBEATS } from './slow-failover.ts';

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterAll(() => scenes.stop());

it.concurrent.each([
  { downAfterMs: 30_000, env: {} },
  { downAfterMs: 3000, env: QUICK_HEARTBEATS },
])(
  '[D7] a lagging replica takes over when the primary was down for $downAfterMs ms',
  {
    timeout: 240_000,
  },
  async ({ downAfterMs, env }) => {
    const redis = await startSentinelledRedis({ appendonly: true, downAfterMs });
    scenes.closing(() => redis.stop());
    await failSlowly(
      scenes,
      {
        ...{ url: redis.url, partitions: 2, failing: [0, 1] },
        lag: redis.lag,
        fail: () => redis.primary.kill(),
        isDown: redis.isDown,
        hasFailedOver: redis.hasFailedOver,
      },
      env,
    );
  },
);
