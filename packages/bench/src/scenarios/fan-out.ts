import { LoadProcess } from '../load/load-process.ts';
import type { Target } from '../targets/target.ts';
import { measure, toResult } from './measure.ts';
import type { Result, Scenario, Timing } from './scenario.ts';

const PAD_BYTES = 100;
/** At most this many deliveries a second are timed; timing all of them would cost more than receiving them. */
const TIMED_PER_SECOND = 20_000;

/** One channel, many subscribers spread over the nodes, one publisher at the first node. */
export function fanOut(options: {
  name: string;
  row: string;
  subscribers: number;
  ratePerSecond: number;
}): Scenario {
  const { subscribers, ratePerSecond } = options;
  return {
    ...options,
    title: `fan-out: 1 channel, ${subscribers} subscribers, ${ratePerSecond} msg/s`,
    floor: { subscribers, ratePerSecond },
    run: async (target, timing) => run(options, target, timing),
  };
}

async function run(
  options: { name: string; subscribers: number; ratePerSecond: number },
  target: Target,
  timing: Timing,
): Promise<Result> {
  const { subscribers, ratePerSecond } = options;
  const channel = 'bench:fan-out';
  const [subscriber, publisher] = [new LoadProcess(), new LoadProcess()];
  try {
    await subscriber.open({
      role: 'subscriber',
      dialect: target.dialect,
      token: target.token,
      connections: Array.from({ length: subscribers }, (_, i) => ({
        port: target.ports[i % target.ports.length]!,
        channel,
      })),
      timeEvery: Math.max(1, Math.ceil((subscribers * ratePerSecond) / TIMED_PER_SECOND)),
      openAtOnce: 32,
    });
    await publisher.open({
      role: 'publisher',
      dialect: target.dialect,
      token: target.token,
      connections: [{ port: target.ports[0]!, channels: [channel] }],
      padBytes: PAD_BYTES,
      ratePerSecond,
    });
    return toResult(options, target, 'delivery', await measure(target, timing, publisher, subscriber));
  } finally {
    subscriber.end();
    publisher.end();
  }
}
