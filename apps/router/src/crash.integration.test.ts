/** Real router processes are killed, paused and stopped under load. */
import type { Broker, ChannelKey } from '@carillon/broker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordingGateway } from './testing/gateway-feed.suite.ts';
import { Installation, PARTITIONS, untilHeld } from './testing/installation.suite.ts';
import { MessageLoad } from './testing/message-load.suite.ts';

const LEASE_TTL_MS = 2000;
/** Longer than any delay that a busy machine adds, so that an early takeover is distinguishable from an expired lease. */
const LONG_LEASE_TTL_MS = 8000;
/** Enough that every partition has some. */
const CHANNELS = Array.from({ length: 24 }, (_, i): ChannelKey => `app/wide-${i}`);

let installation: Installation;
let broker: Broker;
let gateways: readonly RecordingGateway[];
let load: MessageLoad;

beforeEach(async () => {
  // Every channel is wide: all messages go by the routers.
  installation = await Installation.start({ directLaneMaxGateways: 0 });
  broker = await installation.openBroker();
  gateways = await Promise.all(['g1', 'g2'].map((name) => installation.startGateway(name)));
  await Promise.all(gateways.map((gateway) => gateway.subscribe(CHANNELS)));
  load = new MessageLoad(await installation.openBroker(), CHANNELS);
});

afterEach(async () => {
  await load.stop();
  await installation.stop();
});

/** Everything published has come to every gateway, in order and without a break. */
async function expectComplete(): Promise<void> {
  await load.stop();
  for (const gateway of gateways) {
    for (const channel of CHANNELS) {
      await gateway.until(channel, load.seqs.get(channel)!);
      expect(gateway.of(channel).breaks).toEqual([]);
    }
  }
}

const settings = { leaseTtlMs: LEASE_TTL_MS, directLaneMaxGateways: 0 };
const startTwo = async (leaseTtlMs = LEASE_TTL_MS) => {
  const routers = await Promise.all(
    ['a', 'b'].map((name) => installation.startRouter(name, { ...settings, leaseTtlMs })),
  );
  await untilHeld(broker, { a: PARTITIONS / 2, b: PARTITIONS / 2 });
  return routers as [(typeof routers)[0], (typeof routers)[0]];
};

describe('two routers', { timeout: 120_000 }, () => {
  it('share the partitions; when one is killed the other goes on within the lease TTL, and nothing is lost', async () => {
    const [a, b] = await startTwo(LONG_LEASE_TTL_MS);
    load.start();
    await load.more(2000);
    await a.process.kill();
    const killedMs = performance.now();
    await untilHeld(broker, { b: PARTITIONS });
    expect(performance.now() - killedMs).toBeLessThan(2 * LONG_LEASE_TTL_MS);
    await load.more(2000);
    await expectComplete();
    expect(await b.metric('carillon_router_fenced_commits_total')).toBe(0);
  });

  it('hand over at once when one is stopped, as in a rolling deploy', async () => {
    const longLease = { ...settings, leaseTtlMs: 60_000, env: { CARILLON_LOG_LEVEL: 'info' } };
    const a = await installation.startRouter('a', longLease);
    await untilHeld(broker, { a: PARTITIONS });
    load.start();
    await load.more(500);
    await a.process.stop();
    expect(await broker.router.owners()).toEqual(Array.from({ length: PARTITIONS }, () => undefined));
    await installation.startRouter('b', longLease);
    await untilHeld(broker, { b: PARTITIONS }); // far below the lease's minute
    await load.more(500);
    await expectComplete();
    // Nothing was left half done: no message came twice.
    for (const gateway of gateways)
      for (const channel of CHANNELS) expect(gateway.of(channel).repeats).toBe(0);
  });

  it('one that was paused for longer than its leases gives them up and shares again', async () => {
    const [a] = await startTwo();
    load.start();
    await load.more(1000);
    a.process.pause();
    await untilHeld(broker, { b: PARTITIONS });
    await load.more(1000);
    a.process.resume();
    // All were b's. As long as a takes its old leases for good it acquires none.
    await untilHeld(broker, { a: PARTITIONS / 2, b: PARTITIONS / 2 });
    await load.more(1000);
    await expectComplete();
  });
});
