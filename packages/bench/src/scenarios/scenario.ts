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
  /** Unit that figures are per; `resume`: a connection that came back. */
  readonly unit: 'delivery' | 'publish' | 'message' | 'resume' | 'connection' | 'start';
  readonly units: number;
  readonly unitsPerSecond: number;
  /** CPU of all server processes per unit, in microseconds, and by process. */
  readonly cpuPerUnitUs: number;
  readonly cpuByProcessUs: Readonly<Record<string, number>>;
  readonly latencyUs: LoadReport['latencyUs'];
  /** Of the whole run, warm-up included. */
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** CPU of the load generator per unit: it must stay below what it measures. */
  readonly loadCpuPerUnitUs: number;
  readonly rssKbByProcess: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  /** Figures that only this scenario has, by name with the unit in it. */
  readonly figures?: Readonly<Record<string, number>>;
  readonly resumes?: Resumes;
}

/** Connections that broke and came back. Counts are of the whole run, the times of what was measured. */
export interface Resumes {
  readonly clients: number;
  readonly drops: number;
  readonly attempts: number;
  readonly failedAttempts: number;
  /** Subscriptions that went on without a gap, and those that did not, by the server's reason. */
  readonly recovered: number;
  readonly notRecovered: Readonly<Record<string, number>>;
  /** Deliveries that there should have been, and which part of them there was. */
  readonly expected: number;
  readonly deliveredShare: number;
  /** From the drop until the client was subscribed and had everything that it had missed. */
  readonly timeUs: LoadReport['latencyUs'];
}

/** Absent: what the scenario says. Smaller ones are for trying out whether everything works. */
export interface Size {
  /** Connections. */
  readonly clients?: number;
  readonly ratePerSecond?: number;
  /** Where connections are cut: how often each of them, on average. */
  readonly cutEveryMs?: number;
}

export interface WriteLoop {
  readonly subscribers: number;
  readonly ratePerSecond: number;
}

export interface FloorTarget {
  /** Resolves with `undefined`, and has told why, where it can't be had. */
  readonly start: () => Promise<Target | undefined>;
}

export interface Variant {
  readonly name: string;
  readonly start: () => Promise<Target>;
}

export interface Scenario {
  readonly name: string;
  /** Row of the product's table of numbers; empty where there is none. */
  readonly row: string;
  readonly title: string;
  /** The scenario's work by programs that do nothing else: a loop of writes, or what is measured as any target is. */
  readonly floor?: WriteLoop | FloorTarget;
  /** Carillon as this scenario needs it, and whatever it is compared with. */
  readonly start: () => Promise<Target>;
  readonly peers: readonly (() => Promise<Target>)[];
  /** Carillon in other ways, measured in every run: they are what the scenario is about. */
  readonly variants?: readonly Variant[];
  /** Another checkout of Carillon, to compare with an earlier commit in turns. */
  readonly startOther?: (root: string) => Promise<Target>;
  /** About how long one run against one target takes, its start included. */
  readonly estimateSeconds: (timing: Timing) => number;
  run(target: Target, timing: Timing, size: Size): Promise<Result>;
}

/** Start, warm-up, measurement and stop of a usual scenario. */
export const usualSeconds = ({ warmUpSeconds, seconds }: Timing): number => warmUpSeconds + seconds + 8;
