/** Exponential delays with "equal jitter": never near zero, so that a loop can not spin (AWS Architecture Blog, 2015). */
export interface BackoffOptions {
  /** Upper bound of the first delay. Default 100. */
  readonly initialMs?: number;
  /** Upper bound of all delays. Default 10,000. */
  readonly maxMs?: number;
  /** 0 up to but not including 1; Math.random unless a test gives another. */
  readonly random?: () => number;
}

/** 2 ** 30 times any sensible first delay is past any sensible maximum, and far from overflowing. */
const MAX_DOUBLINGS = 30;

/** Delay before attempt `attempt` (from 1): a random part, at least half, of the bound, which doubles with every attempt. */
export function backoffMs(
  attempt: number,
  { initialMs = 100, maxMs = 10_000, random = Math.random }: BackoffOptions = {},
): number {
  const bound = Math.min(maxMs, initialMs * 2 ** Math.min(attempt - 1, MAX_DOUBLINGS));
  return bound / 2 + (random() * bound) / 2;
}
