/** The shape of a scenario and of its result; results are written to packages/bench/results as they are. */
import type { LoadReport } from '../load/plan.ts';
import type { Target } from '../targets/target.ts';

export interface Timing {
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface Result {
  readonly scenario: string;
  readonly target: string;
  /** What the numbers are per: a delivery, an accepted publish, a message. */
  readonly unit: 'delivery' | 'publish' | 'message';
  readonly units: number;
  readonly unitsPerSecond: number;
  /** CPU of all server processes per unit, in microseconds, and by process. */
  readonly cpuPerUnitUs: number;
  readonly cpuByProcessUs: Readonly<Record<string, number>>;
  readonly latencyUs: LoadReport['latencyUs'];
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** CPU of the load generator per unit: it must stay below what it measures. */
  readonly loadCpuPerUnitUs: number;
  readonly rssKbByProcess: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

export interface Scenario {
  readonly name: string;
  /** Row of the product's table of numbers. */
  readonly row: string;
  readonly title: string;
  readonly floor?: { readonly subscribers: number; readonly ratePerSecond: number };
  run(target: Target, timing: Timing): Promise<Result>;
}
