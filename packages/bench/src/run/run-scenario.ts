/** Repeats of one scenario against Carillon, its peers and its floor, one after another, so that ratios hold although machines differ. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Result, Scenario, Size, Timing } from '../scenarios/scenario.ts';
import { measureFloor } from '../targets/floor.ts';
import type { Target } from '../targets/target.ts';
import { median, type Summed, summed } from './repeats.ts';

export interface RunOptions {
  readonly timing: Timing;
  readonly size: Size;
  readonly peers: boolean;
  readonly repeat: number;
  /** Folder of another checkout that is measured too, where a scenario can. */
  readonly other?: string | undefined;
  readonly progress: (text: string) => void;
  /** One run against one target is given up after this; absent: several times what it should take. */
  readonly patienceMs?: number;
  /** Ends what is under way, and begins nothing more. */
  readonly signal?: AbortSignal;
}

export interface Outcome {
  /** CPU of the floor per unit: the median. */
  readonly floorUs: number | undefined;
  readonly floorRepeatsUs: readonly number[];
  /** Carillon first, the floor last where it is a target. */
  readonly results: readonly Summed[];
  /** Scenarios that did not complete, with the reason. */
  readonly failures: readonly string[];
}

/** Never fails as a whole: what fails is told in `failures`, the rest goes on. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Outcome> {
  const floors: Floors = { cpuUs: [], results: [] };
  const failures: string[] = [];
  const starts = [
    scenario.start,
    ...variantsOf(scenario),
    ...othersOf(scenario, options),
    ...(options.peers ? scenario.peers : []),
  ];
  const results: Result[][] = starts.map(() => []);
  for (let round = 1; round <= options.repeat; round++) {
    const attempt = async (run: () => Promise<void>): Promise<void> => {
      try {
        options.signal?.throwIfAborted();
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
    floorUs: floors.cpuUs.length === 0 ? undefined : median(floors.cpuUs),
    floorRepeatsUs: floors.cpuUs,
    results: [...results, floors.results].filter((repeats) => repeats.length > 0).map(summed),
    failures,
  };
}

const variantsOf = ({ variants = [] }: Scenario) => variants.map(({ start }) => start);

const othersOf = ({ startOther }: Scenario, { other }: RunOptions) =>
  startOther === undefined || other === undefined ? [] : [() => startOther(other)];

/** Of the rounds so far. */
interface Floors {
  readonly cpuUs: number[];
  /** Where the floor is a target. */
  readonly results: Result[];
}

async function runFloor(scenario: Scenario, options: RunOptions, floors: Floors): Promise<void> {
  const { floor } = scenario;
  if (floor === undefined) return;
  if ('start' in floor) {
    const target = await floor.start();
    if (target === undefined) return;
    const result = await runAgainst(async () => target, scenario, options);
    floors.results.push(result);
    floors.cpuUs.push(result.cpuPerUnitUs);
    return;
  }
  options.progress('floor');
  const floorUs = await measureFloor(floor.subscribers, floor.ratePerSecond, options.timing.seconds);
  if (floorUs !== undefined) floors.cpuUs.push(floorUs);
}

/** A scenario that takes this many times its planned duration is ended as hanging. */
const PATIENCE = 4;
const LEAST_PATIENCE_S = 120;

async function runAgainst(
  start: () => Promise<Target>,
  scenario: Scenario,
  { timing, size, progress, patienceMs, signal }: RunOptions,
): Promise<Result> {
  const target = await start();
  const expected = PATIENCE * scenario.estimateSeconds(timing);
  const timeoutMs = patienceMs ?? 1000 * Math.max(LEAST_PATIENCE_S, expected);
  const ended = new AbortController();
  const late = `${target.name}: not done after ${timeoutMs / 1000} s`;
  try {
    progress(target.name);
    return await Promise.race([
      scenario.run(target, timing, size),
      pause(timeoutMs, undefined, { signal: ended.signal }).then(() => Promise.reject(new Error(late))),
      ...(signal === undefined ? [] : [abortOf(signal, ended.signal)]),
    ]);
  } finally {
    ended.abort();
    await target.stop();
  }
}

/** Rejects when `signal` aborts, until `until` does. */
function abortOf(signal: AbortSignal, until: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true, signal: until });
  return promise;
}

/** About how long {@link runScenario} takes. */
export function estimateSeconds(
  scenario: Scenario,
  { timing, peers, repeat }: Pick<RunOptions, 'timing' | 'peers' | 'repeat'>,
): number {
  const targets = 1 + variantsOf(scenario).length + (peers ? scenario.peers.length : 0);
  return repeat * (targets * scenario.estimateSeconds(timing) + floorSeconds(scenario, timing));
}

function floorSeconds({ floor, estimateSeconds: ofTarget }: Scenario, timing: Timing): number {
  if (floor === undefined) return 0;
  return 'start' in floor ? ofTarget(timing) : timing.seconds + 1;
}
