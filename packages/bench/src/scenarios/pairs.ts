import { LoadProcess } from '../load/load-process.ts';
import type { Target } from '../targets/target.ts';
import { measure, toResult } from './measure.ts';
import type { Result, Scenario, Timing } from './scenario.ts';

const CHANNELS = 200;
const RATE_PER_SECOND = 1000;
const PAD_BYTES = 100;

/** Many small channels: publisher at the first node, for each channel a subscriber at every node. */
export const pairs: Scenario = {
  name: 'pairs',
  row: 'N4',
  title: `${CHANNELS} channels, ${RATE_PER_SECOND} msg/s in all, publisher on one node, subscribers on both`,
  run: async (target: Target, timing: Timing): Promise<Result> => {
    const channels = Array.from({ length: CHANNELS }, (_, i) => `bench:pair-${i}`);
    const [subscriber, publisher] = [new LoadProcess(), new LoadProcess()];
    try {
      await subscriber.open({
        role: 'subscriber',
        dialect: target.dialect,
        token: target.token,
        connections: channels.flatMap((channel) => target.ports.map((port) => ({ port, channel }))),
        timeEvery: 1,
        openAtOnce: 32,
      });
      await publisher.open({
        role: 'publisher',
        dialect: target.dialect,
        token: target.token,
        connections: [{ port: target.ports[0]!, channels }],
        padBytes: PAD_BYTES,
        ratePerSecond: RATE_PER_SECOND,
      });
      return toResult(pairs, target, 'message', await measure(target, timing, publisher, subscriber));
    } finally {
      subscriber.end();
      publisher.end();
    }
  },
};
