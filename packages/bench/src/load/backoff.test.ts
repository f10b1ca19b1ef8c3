import { expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

const almostOne = 1 - 1e-9;

it('doubles the cap from failure to failure, up to 30 s', () => {
  const backoff = new Backoff(() => almostOne);
  const delays = Array.from({ length: 8 }, () => Math.round(backoff.delayMs(0)));
  expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

it('spreads the first delay, too, from 0 on', () => {
  expect(new Backoff(() => 0).delayMs(0)).toBe(0);
  expect(new Backoff(() => 0.5).delayMs(0)).toBe(500);
});

it('starts anew only after a connection of 5 s', () => {
  const backoff = new Backoff(() => almostOne);
  backoff.delayMs(0);
  backoff.onConnected(1_000);
  expect(Math.round(backoff.delayMs(5_999))).toBe(2000);
  backoff.onConnected(10_000);
  expect(Math.round(backoff.delayMs(15_000))).toBe(1000);
});
