import { cluster } from './cluster.ts';
import { coldStart } from './cold-start.ts';
import { connect } from './connect.ts';
import { encodings } from './encodings.ts';
import { fanOut } from './fan-out.ts';
import { jitter } from './jitter.ts';
import { memory } from './memory.ts';
import { pairs, pairsUnstored } from './pairs.ts';
import { publish, publishStored } from './publish.ts';
import { reconnect } from './reconnect.ts';
import type { Scenario } from './scenario.ts';
import { single } from './single.ts';
import { telemetry } from './telemetry.ts';

export const SCENARIOS: readonly Scenario[] = [
  fanOut({ name: 'fan-out', row: 'N1, N1b', subscribers: 1000, ratePerSecond: 100, floor: true }),
  fanOut({ name: 'fan-out-fast', row: 'N2', subscribers: 200, ratePerSecond: 2500 }),
  fanOut({ name: 'fan-out-alone', row: 'N2', subscribers: 200, ratePerSecond: 5000, nodes: 1 }),
  publish,
  publishStored,
  pairs,
  pairsUnstored,
  memory,
  connect,
  reconnect,
  jitter,
  encodings,
  telemetry,
  cluster,
  single,
  coldStart,
];
