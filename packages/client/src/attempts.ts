import { backoffDelayMs, type Pace } from './backoff.ts';
import type { RealtimeError } from './errors.ts';

/** A connection that lived this long was a good one: backoff and attempts start anew after it. */
const STABLE_AFTER_MS = 5_000;
/** A page hears of its connection's end a moment after it hears that it is back from the browser's cache. */
const JUST_BACK_MS = 1_000;

/** Counts what went wrong since the last good connection. */
export class Attempts {
  readonly #max: number;
  #made = 0;
  /** Ends of attempts and connections, for the backoff. */
  #failures = 0;
  #connectedAtMs: number | undefined;
  #networkBackAtMs = Number.NEGATIVE_INFINITY;

  /** @param max attempts in a row before giving up */
  constructor(max: number) {
    this.#max = max;
  }

  /** Attempts made. */
  get made(): number {
    return this.#made;
  }

  onNetworkBack(): void {
    this.#networkBackAtMs = performance.now();
  }

  /** The pause before the next attempt; none, once, when the network has just come back. */
  delayMs(pace: Pace, error: RealtimeError): number {
    const justBack = performance.now() - this.#networkBackAtMs < JUST_BACK_MS;
    this.#networkBackAtMs = Number.NEGATIVE_INFINITY;
    return justBack && error.retryAfterMs === undefined ? 0 : backoffDelayMs(pace, this.#failures, error);
  }

  get exhausted(): boolean {
    return this.#made >= this.#max;
  }

  onAttempt(): void {
    this.#made++;
  }

  onConnected(): void {
    this.#connectedAtMs = performance.now();
  }

  onFailure(): void {
    if (this.#connectedAtMs !== undefined && performance.now() - this.#connectedAtMs >= STABLE_AFTER_MS) {
      this.reset();
    }
    this.#connectedAtMs = undefined;
    this.#failures++;
  }

  reset(): void {
    this.#made = 0;
    this.#failures = 0;
  }
}
