import { startCarillon } from '../targets/carillon.ts';
import { startSocketIo } from '../targets/socketio.ts';
import type { Target } from '../targets/target.ts';
import { measureDelivery, PAD_BYTES } from './measure-delivery.ts';
import { type Result, type Scenario, type Size, type Timing, usualSeconds } from './scenario.ts';

/** At most this many deliveries a second are timed; timing all of them would cost more than receiving them. */
const TIMED_PER_SECOND = 20_000;

export interface FanOut {
  readonly name: string;
  readonly row: string;
  readonly subscribers: number;
  readonly ratePerSecond: number;
  /** Default 2. */
  readonly nodes?: number;
  readonly padBytes?: number;
  readonly pad?: string;
  readonly variants?: Scenario['variants'];
  /** Ends the title. */
  readonly more?: string;
  /** Measure the floor, too. Where the rate is more than it can do it would take minutes. */
  readonly floor?: true;
}

/** One channel, many subscribers spread over the nodes, one publisher at the first node. */
export function fanOut(options: FanOut): Scenario {
  const { name, row, subscribers, ratePerSecond, nodes = 2 } = options;
  return {
    name,
    row,
    title: `fan-out: 1 channel, ${subscribers} subscribers, ${ratePerSecond} msg/s${options.more ?? (nodes === 1 ? ', one node alone' : '')}`,
    ...(options.floor ? { floor: { subscribers, ratePerSecond } } : {}),
    start: () => startCarillon({ gateways: nodes }),
    ...(options.variants === undefined ? {} : { variants: options.variants }),
    peers: nodes === 1 || options.variants !== undefined ? [] : [() => startSocketIo()],
    estimateSeconds: usualSeconds,
    run: (target, timing, size) => runFanOut(sized(options, size), target, timing),
  };
}

function sized(options: FanOut, size: Size): FanOut {
  const { clients = options.subscribers, ratePerSecond = options.ratePerSecond } = size;
  return { ...options, subscribers: clients, ratePerSecond };
}

export async function runFanOut(options: FanOut, target: Target, timing: Timing): Promise<Result> {
  const { name, subscribers, ratePerSecond, padBytes = PAD_BYTES, pad } = options;
  const { dialect, ports } = target;
  const channel = `bench:${name}`;
  const result = await measureDelivery(options, target, timing, {
    unit: 'delivery',
    subscriber: {
      connections: Array.from({ length: subscribers }, (_, i) => ({
        port: ports[i % ports.length]!,
        channel,
      })),
      timeEvery: Math.max(1, Math.ceil((subscribers * ratePerSecond) / TIMED_PER_SECOND)),
    },
    publisher: {
      dialect: publisherDialect(dialect),
      connections: [{ port: ports[0]!, channels: [channel] }],
      padBytes,
      ...(pad === undefined ? {} : { pad }),
      ratePerSecond,
    },
  });
  return { ...result, figures: { ...result.figures, ...figures(result, target) } };
}

/** Only what subscribers get differs between the encodings. */
function publisherDialect(dialect: Target['dialect']): Target['dialect'] {
  return dialect.startsWith('carillon-') ? 'carillon' : dialect;
}

/** Deliveries per second of CPU of the nodes that hold the connections: the rate of one core that does nothing else. */
function figures({ units, cpuByProcessUs }: Result, { nodes }: Target): Record<string, number> {
  const nodesCpuUs = nodes.reduce((sum, name) => sum + (cpuByProcessUs[name] ?? 0), 0);
  return { deliveriesPerNodeCpuSecond: nodesCpuUs === 0 ? 0 : (units * 1_000_000) / nodesCpuUs };
}
