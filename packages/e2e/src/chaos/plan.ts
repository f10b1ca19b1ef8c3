import { isFor, type Setting } from './fault.ts';
import { FAULTS } from './faults.ts';
import { SeededRandom } from './random.ts';

export interface Strike {
  readonly fault: string;
  readonly target: string;
  readonly durationMs: number;
}

export interface Wave {
  /** Quiet time before it, from the moment at which everything flows again. */
  readonly afterMs: number;
  /** Begin together. */
  readonly strikes: readonly Strike[];
}

export interface Plan extends Setting {
  readonly seed: number;
  readonly durationMs: number;
  /** Redis, or the journal of the single process, loses what it has acknowledged. */
  readonly redisLoss: boolean;
  readonly waves: readonly Wave[];
}

/** Waves planned per minute: more than can happen, as each takes two seconds at least. */
const WAVES_PER_MINUTE = 30;
/** A second fault at the same time in this share of the waves, a third in its square. */
const TOGETHER = 0.3;

export interface PlanOptions extends Partial<Setting> {
  readonly seed: number;
  readonly durationMs: number;
  readonly redisLoss: boolean;
}

/** The same options give the same plan. */
export function makePlan({
  seed,
  durationMs,
  redisLoss,
  cluster = false,
  single = false,
}: PlanOptions): Plan {
  const random = new SeededRandom(seed);
  const names = Object.entries(FAULTS)
    .filter(([, { losesData }]) => redisLoss || losesData !== true)
    .filter(([, fault]) => isFor(fault, { cluster, single }))
    .flatMap(([name, { weight = 1 }]) => Array.from({ length: weight }, () => name));
  const waves = Array.from({ length: Math.ceil((durationMs / 60_000) * WAVES_PER_MINUTE) }, () => {
    const strikes = [makeStrike(random, names)];
    while (strikes.length < 3 && random.next() < TOGETHER) {
      const strike = makeStrike(random, names);
      const isFree = (name: string): boolean => !strikes.some((other) => touchedBy(other).includes(name));
      if (touchedBy(strike).every(isFree)) strikes.push(strike);
    }
    return { afterMs: random.between(300, 2000), strikes };
  });
  return { seed, durationMs, redisLoss, cluster, single, waves };
}

function makeStrike(random: SeededRandom, names: readonly string[]): Strike {
  const fault = random.pick(names);
  const { targets, durationMs } = FAULTS[fault]!;
  return { fault, target: random.pick(targets), durationMs: random.between(...durationMs) };
}

/** All that it is done to. */
export function touchedBy({ fault, target }: Strike): readonly string[] {
  return [target, ...(FAULTS[fault]!.involves ?? [])];
}

/** @throws Error that says what is wrong with it. */
export function parsePlan(text: string): Plan {
  const plan = { cluster: false, single: false, ...(JSON.parse(text) as Partial<Plan>) };
  if (!Array.isArray(plan.waves) || !((plan.durationMs ?? 0) > 0))
    throw new Error('a plan has waves and a durationMs');
  for (const { strikes } of plan.waves as Wave[])
    for (const { fault, target } of strikes)
      if (FAULTS[fault]?.targets.includes(target) !== true || !isFor(FAULTS[fault], plan))
        throw new Error(`no such fault: ${fault} of ${target}`);
  return plan as Plan;
}
