import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** Of the two clocks that are compared. */
const ROUNDING_US = 20;
const TALLY = JSON.stringify(new URL('./tally.ts', import.meta.url).href);

/** A process that has just begun: the first readings of a clock are slow. */
const PROGRAM = `
const { nowUs, T_DIGITS } = await import(${TALLY});
const sharedUs = () => 10 ** (T_DIGITS - 1) + Number(process.hrtime.bigint() / 1000n);
console.log(JSON.stringify([sharedUs(), nowUs(), sharedUs()]));`;

it('reads the clock that all processes of the machine share', () => {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { encoding: 'utf8' });
  const [before, now, after] = JSON.parse(output) as [number, number, number];
  expect(now).toBeGreaterThan(before - ROUNDING_US);
  expect(now).toBeLessThan(after + ROUNDING_US);
});
