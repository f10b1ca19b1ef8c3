/** Exponential backoff with full jitter: anywhere between 0 and the cap of the attempt, so that a crowd spreads out. */
export interface Backoff {
  /** Cap of the first delay, in milliseconds. */
  readonly initialMs: number;
  /** The cap is multiplied with this after each failed attempt. */
  readonly factor: number;
  /** Highest cap, in milliseconds. */
  readonly maxMs: number;
}

/** How whoever waits between two tries paces them. */
export interface Pace {
  readonly backoff: Backoff;
  /** Source of the jitter, 0 up to but not including 1. */
  readonly random: () => number;
}

export const DEFAULT_BACKOFF: Backoff = { initialMs: 1_000, factor: 2, maxMs: 30_000 };

/**
 * Delay before the attempt after `failures` failures (from 1), in milliseconds. With the server's hint in its error: never less than the
 * hint, and spread over up to a second behind it, since the hint may have gone to many clients.
 */
export function backoffDelayMs(
  { backoff, random }: Pace,
  failures: number,
  { retryAfterMs }: { readonly retryAfterMs?: number | undefined } = {},
): number {
  const capMs = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** Math.max(0, failures - 1));
  if (retryAfterMs === undefined) return random() * capMs;
  return retryAfterMs + random() * Math.min(capMs, 1_000);
}
