import { eventually } from '@carillon/testing';
import { metricOf } from '../metrics-of.ts';
import { connectClient } from '../people.ts';
import type { Scenario } from './scenario.ts';

const CHANNELS = ['work:a', 'work:b'];
const ADA = { user: 'ada', name: 'billing' } as const;

/** Trouble among the connections of a consumer. */
export const WORK_SCENARIOS = {
  'one-works': {
    story: 'a consumer has a connection on each of two gateways, and one of them does all the work',
    // Where a consumer that Redis doesn't know goes on is asked of persistence.
    services: { gateways: 2, routers: 0, persistence: 1 },
    // Longer than a busy machine takes to acknowledge.
    env: { CARILLON_NAMESPACES: '{"work":{"ackTimeoutMs":"5s"}}' },
    play: async ({ stage, gateways: [first, second] }) => {
      const works = { ...ADA, acknowledges: true };
      const watches = { ...ADA, acknowledges: false };
      for (const [name, gateway, consumer] of [
        ['works', first!, works],
        ['watches', second!, watches],
      ] as const)
        await (await stage.bareSubscriber(name, { gateway, channels: CHANNELS, consumer })).start();
      (await stage.publisher('p1', { gateway: first!, channels: CHANNELS })).start(20);
      await stage.traffic(40);
      // A consumer that never acknowledges shows how time passes there.
      const idle = await connectClient('eve', second!.port);
      for (const channel of CHANNELS) idle.subscribe(channel, () => undefined, { consumer: 'idle' });
      await eventually(
        async () =>
          ((await metricOf(second!.port, 'carillon_redeliveries_total')) ?? 0) >= 4 * CHANNELS.length,
        { what: 'open messages came again twice', timeoutMs: 60_000 },
      );
      idle.close();
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
