import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

const options = fc
  .record({
    initialMs: fc.integer({ min: 1, max: 10_000 }),
    maxMs: fc.integer({ min: 1, max: 600_000 }),
    value: fc.double({ min: 0, max: 0.999, noNaN: true }),
  })
  .map(({ value, ...bounds }) => ({ ...bounds, random: () => value }));
const attempt = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 1 }),
  fc.constant(Number.POSITIVE_INFINITY),
);

it('is at most the bound, which doubles up to the maximum, and at least half of it', () => {
  fc.assert(
    fc.property(attempt, options, (n, given) => {
      const bound = Math.min(given.maxMs, given.initialMs * 2 ** (n - 1));
      const delayMs = backoffMs(n, given);
      expect(delayMs).toBeLessThanOrEqual(bound);
      expect(delayMs).toBeGreaterThanOrEqual(bound / 2);
    }),
  );
});

it('never gets shorter with the same luck', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), options, (n, given) => {
      expect(backoffMs(n + 1, given)).toBeGreaterThanOrEqual(backoffMs(n, given));
    }),
  );
});

it('differs from process to process', () => {
  const delays = new Set(Array.from({ length: 100 }, () => backoffMs(5)));
  expect(delays.size).toBeGreaterThan(90);
});
