import type { Broker, ChannelKey } from '@carillon/broker';
import { eventually } from '@carillon/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RecordingGateway } from './testing/gateway-feed.suite.ts';
import { Installation, PARTITIONS, type RouterProcess, untilHeld } from './testing/installation.suite.ts';
import { MessageLoad } from './testing/message-load.suite.ts';

const W = 2;
const CROSSINGS = 4;
const CHANNELS = Array.from({ length: 16 }, (_, i): ChannelKey => `app/busy-${i}`);
const WIDE_ROUTED = 'carillon_router_messages_total';
const NARROWED = 'carillon_router_channels_narrowed_total';

let installation: Installation;
let broker: Broker;
let load: MessageLoad;

beforeEach(async () => {
  installation = await Installation.start({ directLaneMaxGateways: W, gatewayHeartbeatMs: 400 });
  broker = await installation.openBroker();
  load = new MessageLoad(await installation.openBroker(), CHANNELS);
});

afterEach(async () => {
  await load.stop();
  await installation.stop();
});

async function expectExactlyOnce(gateway: RecordingGateway): Promise<void> {
  for (const channel of CHANNELS) {
    await gateway.until(channel, load.seqs.get(channel)!);
    expect(gateway.of(channel)).toMatchObject({ breaks: [], repeats: 0 });
  }
}

/** A third gateway comes, which makes the channels wide, gets some messages, and leaves, which makes them narrow again. */
async function crossBothWays(third: RecordingGateway, router: RouterProcess): Promise<void> {
  const [routed, narrowed] = [await router.metric(WIDE_ROUTED), await router.metric(NARROWED)];
  await third.subscribe(CHANNELS);
  await load.more(CHANNELS.length * 10);
  for (const channel of CHANNELS) {
    await third.until(channel, third.of(channel).from.seq + 5);
    expect(third.of(channel)).toMatchObject({ breaks: [], repeats: 0 });
  }
  // Counted after the gateway has it.
  await eventually(async () => (await router.metric(WIDE_ROUTED)) > routed, {
    what: 'some went by the router',
  });
  await third.unsubscribe(CHANNELS);
  await eventually(async () => (await router.metric(NARROWED)) === narrowed + CHANNELS.length, {
    what: 'all channels are in the direct lane again',
  });
}

it('channels cross W both ways under load without a gap or a double', { timeout: 120_000 }, async () => {
  const router = await installation.startRouter('r', {
    directLaneMaxGateways: W,
    // Neither the gateways here nor the router lose their place when a process stands still: then messages come twice.
    gatewayTimeoutMs: 8000,
    leaseTtlMs: 60_000,
    gatewayHeartbeatMs: 400,
  });
  await untilHeld(broker, { r: PARTITIONS });
  const [one, two, three] = await Promise.all(
    ['g1', 'g2', 'g3'].map((name) => installation.startGateway(name)),
  );
  await Promise.all([one!.subscribe(CHANNELS), two!.subscribe(CHANNELS)]);
  load.start();
  for (let i = 0; i < CROSSINGS; i++) await crossBothWays(three!, router);
  await load.stop();
  await expectExactlyOnce(one!);
  await expectExactlyOnce(two!);
  // In the direct lane nothing went by the router.
  const published = CHANNELS.reduce((sum, channel) => sum + load.seqs.get(channel)!, 0);
  expect(await router.metric(WIDE_ROUTED)).toBeLessThan(published);
});
