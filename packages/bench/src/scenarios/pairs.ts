import { startCarillon } from '../targets/carillon.ts';
import { startRelay } from '../targets/relay.ts';
import { startSocketIo } from '../targets/socketio.ts';
import type { Target } from '../targets/target.ts';
import { measureDelivery } from './measure-delivery.ts';
import { type Result, type Scenario, type Size, type Timing, usualSeconds } from './scenario.ts';

const CHANNELS = 200;
const RATE_PER_SECOND = 1000;

interface Pairs {
  readonly name: string;
  readonly row: string;
  /** Namespace of the channels; it decides whether messages are stored. */
  readonly namespace: string;
  readonly peers: Scenario['peers'];
}

/** Many small channels: publisher at the first node, for each channel a subscriber at every node. */
function pairsOf(options: Pairs, more: string): Scenario {
  const { name, row, peers } = options;
  return {
    name,
    row,
    title: `${CHANNELS} channels, ${RATE_PER_SECOND} msg/s in all, publisher on one node, subscribers on both${more}`,
    start: () => startCarillon(),
    floor: { start: startRelay },
    peers,
    estimateSeconds: usualSeconds,
    run: (target, timing, size) => run(options, target, timing, size),
  };
}

/** @param size `clients` are channels here */
async function run(
  options: Pairs,
  target: Target,
  timing: Timing,
  { clients = CHANNELS, ratePerSecond = RATE_PER_SECOND }: Size,
): Promise<Result> {
  const { ports } = target;
  const channels = Array.from({ length: clients }, (_, i) => `${options.namespace}:pair-${i}`);
  return await measureDelivery(options, target, timing, {
    unit: 'message',
    subscriber: {
      connections: channels.flatMap((channel) => ports.map((port) => ({ port, channel }))),
      timeEvery: 1,
    },
    publisher: { connections: [{ port: ports[0]!, channels }], ratePerSecond },
  });
}

export const pairs = pairsOf(
  { name: 'pairs', row: 'N4, N4b', namespace: 'bench', peers: [() => startSocketIo()] },
  '; every message stored in Postgres',
);

export const pairsUnstored = pairsOf(
  { name: 'pairs-unstored', row: 'N4b', namespace: 'unstored', peers: [] },
  '; history in Redis, nothing stored in Postgres',
);
