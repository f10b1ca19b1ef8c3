/** D7, case h: the clock of Redis is stepped. What it has forgotten by that is no reason to take a repeat for something new. */
import { redisCommand, startRedis } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ProducerSocket } from './producer-socket.ts';
import { Scenes } from './scene.ts';

const CHANNEL = 'clock:a';
/** More than a silent producer is remembered for. */
const STEP_MS = 11 * 60_000;

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

async function timeOf(redis: { readonly port: number }): Promise<number> {
  const [seconds] = (await redisCommand(redis, 'TIME')) as [string, string];
  return Number(seconds) * 1000;
}

for (const byMs of [STEP_MS, -STEP_MS])
  it.skipIf(process.platform !== 'linux')(
    `[D7] a repeat is one message, whether or not the clock was stepped by ${byMs / 60_000} minutes`,
    {
      timeout: 120_000,
    },
    async () => {
      const redis = await startRedis({ appendonly: true, steppableClock: true });
      scenes.closing(() => redis.stop());
      const scene = await scenes.open(redis);
      const socket = await ProducerSocket.open(scene.gateways[0].port, CHANNEL);
      scenes.closing(() => socket.close());
      for (let seq = 1; seq <= 5; seq++)
        expect(await socket.publish(seq)).toMatchObject({ type: 'accepted' });
      await scene.stored(5);
      const first = await socket.publish(5);
      expect(first).toMatchObject({ type: 'accepted', seq: 5, duplicate: true });
      await redis.stepClock(byMs);
      expect(Math.abs((await timeOf(redis)) - Date.now() - byMs)).toBeLessThan(60_000);
      expect(await socket.publishPatiently(5)).toMatchObject({ ...first, re: expect.anything() });
      expect(await socket.publishPatiently(6)).toMatchObject({ type: 'accepted' });
      await scene.stored(6);
    },
  );
