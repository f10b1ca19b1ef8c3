import { expect, it } from 'vitest';
import { optionsOf } from './options.ts';
import { SCENARIOS } from './scenarios/catalogue.ts';
import { SWEEPS } from './sweeps/catalogue.ts';

it('runs all scenarios when none is named, and sweeps only by name', () => {
  expect(optionsOf([])).toMatchObject({ scenarios: SCENARIOS, sweeps: [], repeat: 1, peers: false });
  expect(optionsOf(['scale'])).toMatchObject({ scenarios: [], sweeps: SWEEPS });
  expect(optionsOf(['all', 'scale', '--peers', '--repeat', '3'])).toMatchObject({
    scenarios: SCENARIOS,
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
