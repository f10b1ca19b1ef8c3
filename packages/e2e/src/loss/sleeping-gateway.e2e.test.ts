/** D7, case e: a gateway stands still while Redis comes back with less and the other gateway goes on in a new epoch. */
import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { publishInTurn } from './in-turn.ts';
import { Scenes } from './scene.ts';

const CHANNELS = ['sleep:a'];
/** A gateway that is silent for four of its heartbeats is not waited for. */
const HEARTBEAT_MS = 500;

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

it('[D7] its subscribers get what the other gateway accepted meanwhile, and what it alone had seen is not lost', {
  timeout: 120_000,
}, async () => {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis, {
    env: { CARILLON_GATEWAY_HEARTBEAT_MS: String(HEARTBEAT_MS), CARILLON_GATEWAY_TIMEOUT_MS: '2s' },
  });
  const { stage, services } = scene;
  const [sleeper, other] = scene.gateways;
  for (const [name, gateway] of [
    ['sleeper', sleeper],
    ['other', other],
  ] as const) {
    await stage.subscriber(`sdk-${name}`, { gateway, channels: CHANNELS }).start();
    await (await stage.bareSubscriber(`bare-${name}`, { gateway, channels: CHANNELS })).start();
  }
  const bySleeper = await stage.publisher('s', { gateway: sleeper, channels: [...CHANNELS, 'sleep:alone'] });
  const byOther = await stage.publisher('o', { gateway: other, channels: CHANNELS });
  await publishInTurn(bySleeper, 20);
  await publishInTurn(byOther, 20);
  await scene.stored(40);
  const restore = await redis.keepCopy();
  await publishInTurn(byOther, 20);
  // The last that are accepted, and only this gateway knows of half of them.
  services.persistence[0]!.pause();
  await publishInTurn(bySleeper, 20);
  sleeper.pause();
  await restore();
  services.persistence[0]!.resume();
  await publishInTurn(byOther, 300);
  await pause(4 * HEARTBEAT_MS + 500);
  await publishInTurn(byOther, 20);
  sleeper.resume();
  await publishInTurn(bySleeper, 10);
  await publishInTurn(byOther, 20);
  const { accepted, stored } = await scene.expectSound();
  expect(stored).toBe(accepted);
});
