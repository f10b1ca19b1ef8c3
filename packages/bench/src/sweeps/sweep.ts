/** A scenario over a range of values of one thing: how cost grows. */
import type { Result, Timing } from '../scenarios/scenario.ts';
import type { Target } from '../targets/target.ts';

export interface Sweep {
  readonly name: string;
  readonly title: string;
  /** The varied quantity with its unit: label of the horizontal axis. */
  readonly axis: string;
  readonly values: readonly number[];
  /** Another installation for every value; otherwise one serves all. */
  readonly fresh: boolean;
  start(value: number): Promise<Target>;
  run(target: Target, value: number, timing: Timing): Promise<Result>;
}

export interface SweepPoint {
  readonly value: number;
  readonly result: Result;
}

/** As it is written to the results, beside the machine and the command. */
export interface SweepRun {
  readonly scenario: string;
  readonly title: string;
  readonly axis: string;
  readonly timing: Timing;
  readonly points: readonly SweepPoint[];
  readonly failures: readonly string[];
}

/** A sweep has many points: each is shorter than a scenario of its own. */
const LONGEST: Timing = { warmUpSeconds: 2, seconds: 5 };

function sweepTiming({ warmUpSeconds, seconds }: Timing): Timing {
  return {
    warmUpSeconds: Math.min(warmUpSeconds, LONGEST.warmUpSeconds),
    seconds: Math.min(seconds, LONGEST.seconds),
  };
}

/** About how long {@link runSweep} takes. */
export function sweepSeconds({ values, fresh }: Sweep, timing: Timing): number {
  const { warmUpSeconds, seconds } = sweepTiming(timing);
  return values.length * (warmUpSeconds + seconds + 3) + (fresh ? values.length : 1) * 8;
}

/** Measures one value after the other; one that fails doesn't stop the others. */
export async function runSweep(
  sweep: Sweep,
  given: Timing,
  progress: (text: string) => void,
): Promise<SweepRun> {
  const { name, title, axis, values, fresh } = sweep;
  const timing = sweepTiming(given);
  const points: SweepPoint[] = [];
  const failures: string[] = [];
  let target: Target | undefined;
  const stop = async (): Promise<void> => {
    const stopping = target;
    target = undefined;
    await stopping?.stop();
  };
  for (const value of values) {
    progress(`${value} ${axis}`);
    try {
      target ??= await sweep.start(value);
      points.push({ value, result: await sweep.run(target, value, timing) });
      if (fresh) await stop();
    } catch (error) {
      failures.push(`${name}, ${value}: ${error instanceof Error ? error.message : error}`);
      await stop(); // what failed may have left something behind
    }
  }
  await stop();
  return { scenario: name, title, axis, timing, points, failures };
}
