import { expect, it } from 'vitest';
import { isFor } from './fault.ts';
import { FAULTS } from './faults.ts';
import { makePlan, parsePlan, touchedBy } from './plan.ts';

const HOUR = { seed: 7, durationMs: 3_600_000, redisLoss: false, cluster: false, single: false };
const SETTINGS = [
  { cluster: false, single: false },
  { cluster: true, single: false },
  { cluster: false, single: true },
];

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

it('says no to a fault of a cluster on a single Redis, and the other way round', () => {
  const plan = makePlan({ ...HOUR, cluster: true });
  expect(parsePlan(JSON.stringify(plan))).toEqual(plan);
  expect(() => parsePlan(JSON.stringify({ ...plan, cluster: false }))).toThrow('no such fault');
  expect(() => parsePlan(JSON.stringify({ ...makePlan(HOUR), cluster: true }))).toThrow('no such fault');
  expect(() => parsePlan(JSON.stringify({ ...makePlan(HOUR), single: true }))).toThrow('no such fault');
});

it.each(SETTINGS)(
  'has every fault within an hour, those that lose data only when asked for (%o)',
  (setting) => {
    const kinds = (redisLoss: boolean): readonly string[] => [
      ...new Set(
        makePlan({ ...HOUR, redisLoss, ...setting }).waves.flatMap(({ strikes }) =>
          strikes.map(({ fault }) => fault),
        ),
      ),
    ];
    const names = Object.keys(FAULTS).filter((name) => isFor(FAULTS[name]!, setting));
    const losing = names.filter((name) => FAULTS[name]!.losesData === true);
    expect(losing.length).toBeGreaterThan(0);
    expect(kinds(true).toSorted()).toEqual(names.toSorted());
    expect(kinds(false).filter((name) => losing.includes(name))).toEqual([]);
  },
);

it('strikes no target twice at once', () => {
  for (const { strikes } of makePlan({ ...HOUR, redisLoss: true }).waves) {
    const targets = strikes.flatMap(touchedBy);
    expect(new Set(targets).size).toBe(targets.length);
  }
});
