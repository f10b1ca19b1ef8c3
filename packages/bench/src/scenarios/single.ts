import { startSingleProcess } from '../targets/single-process.ts';
import type { Target } from '../targets/target.ts';
import { publishUntilAccepted } from './publish.ts';
import {
  type Result,
  type Scenario,
  type Size,
  type Timing,
  usualSeconds,
  type Variant,
} from './scenario.ts';

const CONNECTIONS = 50;
const IN_FLIGHT = 20;
const ALWAYS = 'flushed before accepted';
const OTHER = 'other checkout';

const VARIANTS: readonly Variant[] = [
  {
    name: ALWAYS,
    start: () => startSingleProcess({ name: ALWAYS, env: { CARILLON_JOURNAL_FSYNC: 'always' } }),
  },
];

/** A single process (`npm start`) with its journal flushed once a second, and before each answer. */
export const single: Scenario = {
  name: 'single',
  row: '',
  title: `one process, publish until accepted: ${CONNECTIONS} connections, ${IN_FLIGHT} in flight each; written to the journal, not stored in Postgres`,
  start: () => startSingleProcess(),
  peers: [],
  variants: VARIANTS,
  startOther: (root) => startSingleProcess({ name: OTHER, root }),
  estimateSeconds: usualSeconds,
  run: (target: Target, timing: Timing, { clients = CONNECTIONS }: Size): Promise<Result> =>
    publishUntilAccepted(
      { name: 'single', namespace: 'unstored', connections: clients, inFlight: IN_FLIGHT },
      target,
      timing,
    ),
};
