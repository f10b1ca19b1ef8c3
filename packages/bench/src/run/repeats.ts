/** Several runs of the same as one: each figure its median, faults their sum, the range beside. */
import type { Result } from '../scenarios/scenario.ts';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Lowest and highest of the figures that tables show. */
export interface Spread {
  readonly unitsPerSecond: Range;
  readonly cpuPerUnitUs: Range;
  readonly p50Us: Range;
  readonly p99Us: Range;
}

/** The result of one target: medians over {@link Summed.repeats}. */
export interface Summed extends Result {
  readonly spread: Spread;
  readonly repeats: readonly Result[];
}

/** Added up: a fault of one repeat is not to vanish in a median. */
const SUMMED = new Set(['lost', 'duplicated', 'reordered', 'notRecovered', 'failedAttempts']);
/** Its lowest: the worst share counts. */
const LOWEST = new Set(['deliveredShare']);

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const add = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const lowest = (values: readonly number[]): number => Math.min(...values);

function rangeOf(values: readonly number[]): Range {
  return { min: Math.min(...values), max: Math.max(...values) };
}

type Fold = (values: readonly number[]) => number;

function foldOf(name: string, outer: Fold): Fold {
  if (SUMMED.has(name)) return add;
  return LOWEST.has(name) ? lowest : outer;
}

function merge(values: readonly unknown[], fold: Fold): unknown {
  const [first] = values;
  if (typeof first === 'number') return fold(values.filter((value) => typeof value === 'number'));
  if (Array.isArray(first)) return [...new Set(values.flat())];
  if (typeof first !== 'object' || first === null) return first;
  const objects = values.filter((value) => typeof value === 'object') as Record<string, unknown>[];
  const names = [...new Set(objects.flatMap((object) => Object.keys(object)))];
  return Object.fromEntries(
    names.map((name) => {
      const found = objects.map((object) => object[name]).filter((value) => value !== undefined);
      return [name, merge(found, foldOf(name, fold))];
    }),
  );
}

/** @param repeats at least one, of the same scenario and target */
export function summed(repeats: readonly Result[]): Summed {
  return {
    ...(merge(repeats, median) as Result),
    spread: {
      unitsPerSecond: rangeOf(repeats.map(({ unitsPerSecond }) => unitsPerSecond)),
      cpuPerUnitUs: rangeOf(repeats.map(({ cpuPerUnitUs }) => cpuPerUnitUs)),
      p50Us: rangeOf(repeats.map(({ latencyUs }) => latencyUs.p50)),
      p99Us: rangeOf(repeats.map(({ latencyUs }) => latencyUs.p99)),
    },
    repeats,
  };
}
