import { describe, expect, it } from 'vitest';
import { backoffDelayMs, DEFAULT_BACKOFF } from './backoff.ts';

const pace = (random: number) => ({ backoff: DEFAULT_BACKOFF, random: () => random });

describe('backoff', () => {
  it('doubles its cap from 1 s to 30 s', () => {
    const caps = [1, 2, 3, 4, 5, 6, 7, 50].map((failures) =>
      Math.round(backoffDelayMs(pace(0.999_999), failures)),
    );
    expect(caps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('spreads over the whole range', () => {
    expect(backoffDelayMs(pace(0), 5)).toBe(0);
    expect(backoffDelayMs(pace(0.5), 5)).toBe(8_000);
  });

  it("never goes below the server's hint, and spreads above it", () => {
    expect(backoffDelayMs(pace(0), 5, { retryAfterMs: 700 })).toBe(700);
    expect(backoffDelayMs(pace(0.5), 5, { retryAfterMs: 700 })).toBe(1_200);
  });
});
