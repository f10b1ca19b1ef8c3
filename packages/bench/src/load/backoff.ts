/** When a client comes back, by the rules of the SDK (packages/client: backoff and attempts): full jitter, from the first attempt on. */

const INITIAL_MS = 1_000;
const MAX_MS = 30_000;
/** A connection that lived this long was a good one: backoff starts anew after it. */
const STABLE_AFTER_MS = 5_000;

export class Backoff {
  readonly #random: () => number;
  #failures = 0;
  #readyAtMs: number | undefined;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  onConnected(nowMs: number): void {
    this.#readyAtMs = nowMs;
  }

  /** Milliseconds to wait, after an attempt or a connection has ended. */
  delayMs(nowMs: number): number {
    if (this.#readyAtMs !== undefined && nowMs - this.#readyAtMs >= STABLE_AFTER_MS) this.#failures = 0;
    this.#readyAtMs = undefined;
    this.#failures++;
    return this.#random() * Math.min(MAX_MS, INITIAL_MS * 2 ** (this.#failures - 1));
  }
}
