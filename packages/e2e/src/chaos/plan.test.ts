import { expect, it } from 'vitest';
import { FAULTS } from './faults.ts';
import { makePlan, parsePlan } from './plan.ts';

const HOUR = { seed: 7, durationMs: 3_600_000, redisLoss: false };

it('is the same for the same seed, another one for another', () => {
  expect(makePlan(HOUR)).toEqual(makePlan(HOUR));
  expect(makePlan({ ...HOUR, seed: 8 }).waves).not.toEqual(makePlan(HOUR).waves);
});

it('can be written and read', () => {
  const plan = makePlan({ ...HOUR, durationMs: 60_000 });
  expect(parsePlan(JSON.stringify(plan))).toEqual(plan);
  expect(() =>
    parsePlan(JSON.stringify(plan).replace(plan.waves[0]!.strikes[0]!.fault, 'earthquake')),
  ).toThrow('no such fault');
});

it('has every fault within an hour, those that lose data only when asked for', () => {
  const kinds = (redisLoss: boolean): readonly string[] => [
    ...new Set(
      makePlan({ ...HOUR, redisLoss }).waves.flatMap(({ strikes }) => strikes.map(({ fault }) => fault)),
    ),
  ];
  const losing = Object.keys(FAULTS).filter((name) => FAULTS[name]!.losesData === true);
  expect(kinds(true).toSorted()).toEqual(Object.keys(FAULTS).toSorted());
  expect(kinds(false).filter((name) => losing.includes(name))).toEqual([]);
});

it('strikes no target twice at once', () => {
  for (const { strikes } of makePlan(HOUR).waves) {
    const targets = strikes.map(({ target }) => target);
    expect(new Set(targets).size).toBe(targets.length);
  }
});
