import type { Broker, ChannelKey } from '@carillon/broker';
import { eventually } from '@carillon/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Installation, PARTITIONS, untilHeld } from './testing/installation.suite.ts';

const HEARTBEAT_MS = 200;
/** Longer than any pause of a running gateway, also on a busy machine. */
const TIMEOUT_MS = 5000;
const WIDE: ChannelKey = 'app/wide';
const DIRECT: ChannelKey = 'app/direct';
const KEEPING = { history: undefined, durable: false };

let installation: Installation;
let broker: Broker;

beforeEach(async () => {
  installation = await Installation.start({ directLaneMaxGateways: 1, gatewayHeartbeatMs: HEARTBEAT_MS });
  broker = await installation.openBroker();
});

afterEach(() => installation.stop());

/** Keys that name the gateway: its feeds and its list of channels. */
async function keysOf(gateway: string): Promise<readonly string[]> {
  return (await installation.keys()).filter((key) => key.endsWith(`:${gateway}`));
}

it('a killed gateway leaves the routing table: interest in both lanes, and its streams', async () => {
  const survivor = await installation.startGateway('alive');
  await survivor.subscribe([WIDE]);
  const dead = await installation.startGatewayProcess('dead', [WIDE, DIRECT], HEARTBEAT_MS);
  expect([...(await broker.router.interested(WIDE))].sort()).toEqual(['alive', 'dead']);
  await dead.kill();
  const router = await installation.startRouter('r', {
    directLaneMaxGateways: 1,
    gatewayTimeoutMs: TIMEOUT_MS,
    gatewayHeartbeatMs: HEARTBEAT_MS,
  });
  await untilHeld(broker, { r: PARTITIONS });
  await eventually(async () => (await keysOf('dead')).length === 0, {
    what: 'streams and interest of the dead gateway are gone',
    timeoutMs: TIMEOUT_MS + 20_000,
  });
  // Alone again, the survivor's channel goes back to the direct lane, and nobody writes to the dead one's feed.
  await eventually(async () => (await router.metric('carillon_router_channels_narrowed_total')) === 1, {
    what: 'the channel is direct again',
  });
  await broker.publisher.publish(
    [WIDE, DIRECT].map((channel) => ({ channel, id: '1', record: 'x', keeping: KEEPING })),
  );
  await survivor.until(WIDE, 1);
  expect(await keysOf('dead')).toEqual([]);
  // Counted after Redis has done it.
  await eventually(
    async () => (await router.metric('carillon_router_gateways_reaped_total')) === PARTITIONS,
    {
      what: 'it is counted in each partition',
    },
  );
  expect(await keysOf('alive')).not.toEqual([]);
});
