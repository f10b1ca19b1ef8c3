import { expect, it } from 'vitest';
import type { CliError } from '../cli-error.ts';
import { type BenchFlags, planOf } from './plan.ts';

const FLAGS: BenchFlags = {
  clients: '10',
  channels: '1',
  channel: 'bench:a',
  publishers: '4',
  rate: '100',
  payload: '100',
  duration: '5s',
  rampUp: '0',
  output: 'text',
  logLevel: 'info',
};

it('names its channels', () => {
  expect(planOf({ ...FLAGS, publishers: '1' })).toMatchObject({
    channels: ['bench:a'],
    publishers: 1,
    durationMs: 5000,
    rampUpMs: 0,
  });
  expect(planOf({ ...FLAGS, channels: '3', publishers: '3' })).toMatchObject({
    publishers: 3,
    channels: ['bench:a-0', 'bench:a-1', 'bench:a-2'],
  });
});

it('has no rate under stress', () => {
  expect(planOf({ ...FLAGS, publishers: '1', stress: true }).ratePerSecond).toBeUndefined();
});

it.each([
  ['clients', '0', '--clients'],
  ['clients', 'many', '--clients'],
  ['rate', '1.5', '--rate'],
  ['payload', '39', '--payload'],
  ['duration', '10 parsecs', '--duration'],
  ['duration', '30', 'unit'],
  ['rampUp', '2h', '--ramp-up'],
  ['channels', '11', '--clients 10'],
  ['publishers', '2', '--channels 1'],
] as const)('refuses %s %s and names the option', (name, value, option) => {
  const flags = { ...FLAGS, publishers: '1', [name]: value };
  try {
    planOf(flags);
    expect.unreachable();
  } catch (error) {
    const { message, hint, exitCode } = error as CliError;
    expect([`${message} ${hint}`, exitCode]).toEqual([expect.stringContaining(option), 2]);
  }
});
