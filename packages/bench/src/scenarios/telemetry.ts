import { startCarillon } from '../targets/carillon.ts';
import { startScraped, startTraced } from '../targets/observed-carillon.ts';
import type { Target } from '../targets/target.ts';
import { publishAcross } from './publish-across.ts';
import {
  type Result,
  type Scenario,
  type Size,
  type Timing,
  usualSeconds,
  type Variant,
} from './scenario.ts';

const CONNECTIONS = 50;
const IN_FLIGHT = 100;

function traced(name: string, ratio: number): Variant {
  return { name, start: () => startTraced(name, ratio) };
}

const SCRAPED = 'metrics read each second';

/** By what is watched. `carillon` has no collector to send to and nobody who asks for metrics; it counts and times all the same. */
export const WATCHED: readonly Variant[] = [
  { name: SCRAPED, start: () => startScraped(SCRAPED) },
  traced('tracing on, none sampled', 0),
  traced('1 % sampled', 0.01),
  traced('all sampled', 1),
];

/** As many publishes as go, each with a subscriber at the other node: both of the paths that could be slower for being watched. */
export const telemetry: Scenario = {
  name: 'telemetry',
  row: '',
  title: `publish until accepted, by what is watched: ${CONNECTIONS} connections, ${IN_FLIGHT} in flight each, a subscriber at the other node for each; not stored`,
  start: () => startCarillon(),
  peers: [],
  variants: WATCHED,
  estimateSeconds: usualSeconds,
  run,
};

async function run(target: Target, timing: Timing, { clients = CONNECTIONS }: Size): Promise<Result> {
  const options = { name: telemetry.name, connections: clients, inFlight: IN_FLIGHT };
  return await publishAcross(options, target, timing);
}
