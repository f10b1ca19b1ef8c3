import { describe, expect, it } from 'vitest';
import { backoffDelayMs, DEFAULT_BACKOFF } from './backoff.ts';

const highest = () => 0.999_999;

describe('backoff', () => {
  it('doubles its cap from 1 s to 30 s', () => {
    const caps = [1, 2, 3, 4, 5, 6, 7, 50].map((failures) =>
      Math.round(backoffDelayMs(DEFAULT_BACKOFF, failures, highest)),
    );
    expect(caps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('spreads over the whole range', () => {
    expect(backoffDelayMs(DEFAULT_BACKOFF, 5, () => 0)).toBe(0);
    expect(backoffDelayMs(DEFAULT_BACKOFF, 5, () => 0.5)).toBe(8_000);
  });

  it("never goes below the server's hint, and spreads above it", () => {
    expect(backoffDelayMs(DEFAULT_BACKOFF, 5, () => 0, 700)).toBe(700);
    expect(backoffDelayMs(DEFAULT_BACKOFF, 5, () => 0.5, 700)).toBe(1_200);
  });
});
