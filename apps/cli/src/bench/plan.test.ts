import { expect, it } from 'vitest';
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

it('has no more publishers than channels: a channel has one', () => {
  expect(planOf(FLAGS)).toMatchObject({
    channels: ['bench:a'],
    publishers: 1,
    durationMs: 5000,
    rampUpMs: 0,
  });
  expect(planOf({ ...FLAGS, channels: '3' })).toMatchObject({
    publishers: 3,
    channels: ['bench:a-0', 'bench:a-1', 'bench:a-2'],
  });
});

it('has no rate under stress', () => {
  expect(planOf({ ...FLAGS, stress: true }).ratePerSecond).toBeUndefined();
});

it.each([
  ['clients', '0', '--clients'],
  ['clients', 'many', '--clients'],
  ['rate', '1.5', '--rate'],
  ['payload', '39', '--payload'],
  ['duration', '10 parsecs', '--duration'],
  ['rampUp', '2h', '--ramp-up'],
] as const)('refuses %s %s and names the option', (name, value, option) => {
  expect(() => planOf({ ...FLAGS, [name]: value })).toThrow(option);
});
