import type { ChannelKey } from '@carillon/broker';
import { eventually } from '@carillon/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Installation, PARTITIONS, untilHeld } from './testing/installation.suite.ts';

const CHANNELS = Array.from({ length: 8 }, (_, i): ChannelKey => `app/wide-${i}`);
const KEEPING = { history: undefined, durable: false };

let installation: Installation;

beforeEach(async () => {
  // `everysec` may put off the write itself while the disk is slow: killed then, Redis comes back without what it had answered for.
  const durable = { appendonly: true, config: { appendfsync: 'always' } };
  installation = await Installation.start({ directLaneMaxGateways: 0 }, durable);
});

afterEach(() => installation.stop());

it('goes on after a restart of Redis with what was not routed yet', async () => {
  const broker = await installation.openBroker();
  const gateway = await installation.startGateway('g1');
  await gateway.subscribe(CHANNELS);
  const publishToAll = async () => {
    const outcomes = await broker.publisher.publish(
      CHANNELS.map((channel) => ({ channel, id: '1', record: 'x', keeping: KEEPING })),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'accepted' });
  };
  const router = await installation.startRouter('r', { directLaneMaxGateways: 0 });
  await untilHeld(broker, { r: PARTITIONS });
  router.process.pause();
  // These wait in the route streams while Redis is restarted.
  await publishToAll();
  await installation.redis.restart();
  router.process.resume();
  await eventually(async () => (await broker.status()).ready, { what: 'Redis is back' });
  await Promise.all(CHANNELS.map((channel) => gateway.untilCount(channel, 1)));
  await publishToAll();
  await Promise.all(CHANNELS.map((channel) => gateway.untilCount(channel, 2)));
  for (const channel of CHANNELS) expect(gateway.of(channel).breaks).toEqual([]);
  expect(router.process.running).toBe(true);
});
