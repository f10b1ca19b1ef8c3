/** Repeats of one scenario against Carillon, its peers and its floor, one after another, so that ratios hold although machines differ. */
import type { Result, Scenario, Size, Timing } from '../scenarios/scenario.ts';
import { measureFloor } from '../targets/floor.ts';
import type { Target } from '../targets/target.ts';
import { median, type Summed, summed } from './repeats.ts';

export interface RunOptions {
  readonly timing: Timing;
  readonly size: Size;
  readonly peers: boolean;
  readonly repeat: number;
  readonly progress: (text: string) => void;
}

export interface Outcome {
  /** CPU of the floor per delivery: the median. */
  readonly floorUs: number | undefined;
  readonly floorRepeatsUs: readonly number[];
  readonly results: readonly Summed[];
  /** What did not run to its end. */
  readonly failures: readonly string[];
}

/** Never fails as a whole: what fails is told in `failures`, the rest goes on. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Outcome> {
  const floors: number[] = [];
  const failures: string[] = [];
  const starts = [scenario.start, ...(options.peers ? scenario.peers : [])];
  const results: Result[][] = starts.map(() => []);
  for (let round = 1; round <= options.repeat; round++) {
    const attempt = async (run: () => Promise<void>): Promise<void> => {
      try {
        await run();
      } catch (error) {
        failures.push(`${scenario.name}, round ${round}: ${error instanceof Error ? error.message : error}`);
      }
    };
    if (options.repeat > 1) options.progress(`round ${round} of ${options.repeat}`);
    await attempt(() => runFloor(scenario, options, floors));
    for (const [i, start] of starts.entries())
      await attempt(async () => {
        results[i]!.push(await runAgainst(start, scenario, options));
      });
  }
  return {
    floorUs: floors.length === 0 ? undefined : median(floors),
    floorRepeatsUs: floors,
    results: results.filter((repeats) => repeats.length > 0).map(summed),
    failures,
  };
}

async function runFloor({ floor }: Scenario, options: RunOptions, floors: number[]): Promise<void> {
  if (floor === undefined) return;
  options.progress('floor');
  const floorUs = await measureFloor(floor.subscribers, floor.ratePerSecond, options.timing.seconds);
  if (floorUs !== undefined) floors.push(floorUs);
}

async function runAgainst(
  start: () => Promise<Target>,
  scenario: Scenario,
  { timing, size, progress }: RunOptions,
): Promise<Result> {
  const target = await start();
  try {
    progress(target.name);
    return await scenario.run(target, timing, size);
  } finally {
    await target.stop();
  }
}

/** About how long {@link runScenario} takes. */
export function estimateSeconds(
  scenario: Scenario,
  { timing, peers, repeat }: Pick<RunOptions, 'timing' | 'peers' | 'repeat'>,
): number {
  const targets = 1 + (peers ? scenario.peers.length : 0);
  const floor = scenario.floor === undefined ? 0 : timing.seconds + 1;
  return repeat * (targets * scenario.estimateSeconds(timing) + floor);
}
