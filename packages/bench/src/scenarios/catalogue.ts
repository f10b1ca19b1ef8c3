import { fanOut } from './fan-out.ts';
import { jitter } from './jitter.ts';
import { pairs } from './pairs.ts';
import { publish } from './publish.ts';
import { reconnect } from './reconnect.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [
  fanOut({ name: 'fan-out', row: 'N1', subscribers: 1000, ratePerSecond: 100 }),
  fanOut({ name: 'fan-out-fast', row: 'N2', subscribers: 200, ratePerSecond: 2500 }),
  publish,
  pairs,
  reconnect,
  jitter,
];
