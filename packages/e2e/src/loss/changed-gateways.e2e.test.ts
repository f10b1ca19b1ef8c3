/** D7, case d: publishers go from gateway to gateway, and Redis loses what they sent by each of them. */
import { startRedis, startTcpProxy } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { publishInTurn } from './in-turn.ts';
import { Scenes } from './scene.ts';

const CHANNELS = ['moved:a'];
const TURNS = 8;
const EACH = 10;

const scenes = new Scenes();
beforeAll(() => scenes.start());
afterEach(() => scenes.close());
afterAll(() => scenes.stop());

it('[D7] what a publisher sent by several gateways is published again, and the publisher goes on', {
  timeout: 120_000,
}, async () => {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
  scenes.closing(() => redis.stop());
  const scene = await scenes.open(redis);
  const { stage, gateways, services } = scene;
  for (const [i, gateway] of gateways.entries())
    await stage.subscriber(`sdk-${i}`, { gateway, channels: CHANNELS }).start();
  const way = await startTcpProxy({ targetPort: gateways[0].port });
  scenes.closing(() => way.stop());
  const publishers = await Promise.all(
    ['p', 'q'].map((name) =>
      stage.publisher(name, { gateway: gateways[0], channels: CHANNELS, via: way }, { wantsStored: true }),
    ),
  );
  await Promise.all(publishers.map((publisher) => publishInTurn(publisher, EACH)));
  await scene.stored(publishers.length * EACH);
  const restore = await redis.keepCopy();
  services.persistence[0]!.pause();
  for (let turn = 1; turn <= TURNS; turn++) {
    way.retarget(gateways[turn % 2]!.port);
    await Promise.all(publishers.map((publisher) => publishInTurn(publisher, EACH)));
  }
  await restore();
  services.persistence[0]!.resume();
  for (const publisher of publishers) publisher.start(20);
  await stage.traffic(40, 20_000).catch(() => undefined); // a publisher that is stuck is found by the checker
  const { stored } = await scene.expectSound();
  expect(stored).toBeGreaterThanOrEqual(publishers.length * EACH * (TURNS + 1));
});
