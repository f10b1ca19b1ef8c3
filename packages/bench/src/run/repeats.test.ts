import { expect, it } from 'vitest';
import type { Result, Resumes } from '../scenarios/scenario.ts';
import { median, summed } from './repeats.ts';

function result(change: Partial<Result> & { p99?: number } = {}): Result {
  const { p99 = 1, ...others } = change;
  return {
    scenario: 's',
    target: 'carillon',
    unit: 'delivery',
    units: 1,
    unitsPerSecond: 1,
    cpuPerUnitUs: 1,
    cpuByProcessUs: { redis: 1 },
    latencyUs: { count: 1, min: 1, mean: 1, p50: 1, p95: 1, p99, max: 1 },
    lost: 0,
    duplicated: 0,
    reordered: 0,
    loadCpuPerUnitUs: 1,
    rssKbByProcess: {},
    problems: [],
    ...others,
  };
}

it('takes the middle one, or the mean of the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});

it('chooses each figure by itself and tells the range', () => {
  const all = summed([
    result({ cpuPerUnitUs: 1, p99: 30 }),
    result({ cpuPerUnitUs: 5, p99: 10 }),
    result({ cpuPerUnitUs: 2, p99: 20 }),
  ]);
  expect([all.cpuPerUnitUs, all.latencyUs.p99]).toEqual([2, 20]);
  expect(all.spread.cpuPerUnitUs).toEqual({ min: 1, max: 5 });
  expect(all.spread.p99Us).toEqual({ min: 10, max: 30 });
  expect(all.repeats).toHaveLength(3);
});

it('lets no fault of a single repeat vanish', () => {
  const all = summed([
    result(),
    result({ lost: 2, duplicated: 1, problems: ['x'] }),
    result({ problems: ['x', 'y'] }),
  ]);
  expect([all.lost, all.duplicated, all.problems]).toEqual([2, 1, ['x', 'y']]);
});

it('adds what only some of the repeats saw, and takes the worst share', () => {
  const resumes = (deliveredShare: number, notRecovered: Record<string, number>): Resumes => ({
    clients: 1,
    drops: 1,
    attempts: 1,
    failedAttempts: 0,
    recovered: 1,
    notRecovered,
    expected: 1,
    deliveredShare,
    timeUs: result().latencyUs,
  });
  const all = summed([
    result({ resumes: resumes(1, {}) }),
    result({ resumes: resumes(0.9, { gone: 2 }) }),
    result({ resumes: resumes(1, { gone: 1 }) }),
  ]);
  expect(all.resumes).toMatchObject({ deliveredShare: 0.9, notRecovered: { gone: 3 } });
});
