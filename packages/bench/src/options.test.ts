import { expect, it } from 'vitest';
import { optionsOf } from './options.ts';
import { SCENARIOS } from './scenarios/catalogue.ts';
import { SWEEPS } from './sweeps/catalogue.ts';

const GOALS = SCENARIOS.filter(({ row }) => row.startsWith('N'));

it('runs all scenarios with a goal when none is named, and the others only by name', () => {
  expect(GOALS.length).toBeGreaterThan(10);
  expect(optionsOf([])).toMatchObject({ scenarios: GOALS, sweeps: [], repeat: 1, peers: false });
  expect(optionsOf(['choices'])).toMatchObject({
    scenarios: SCENARIOS.filter((scenario) => !GOALS.includes(scenario)),
    sweeps: [],
  });
  expect(optionsOf(['encodings'])).toMatchObject({ scenarios: [{ name: 'encodings' }] });
  expect(optionsOf(['scale'])).toMatchObject({ scenarios: [], sweeps: SWEEPS });
  expect(optionsOf(['all', 'scale', '--peers', '--repeat', '3'])).toMatchObject({
    scenarios: GOALS,
    sweeps: SWEEPS,
    repeat: 3,
    peers: true,
  });
});

it.each([
  [['nothing'], 'no such scenario: nothing'],
  [['--seconds', '0'], '--seconds must be a whole number from 1 to 300'],
  [['--repeat', 'x'], '--repeat'],
  [['--clients', '5'], '--out'],
] as const)('refuses %j', (args, why) => {
  expect(() => optionsOf(args)).toThrow(why);
});
