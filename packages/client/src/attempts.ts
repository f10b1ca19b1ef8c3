/** A connection that lived this long was a good one: backoff and attempts start anew after it. */
const STABLE_AFTER_MS = 5_000;

/** Counts what went wrong since the last good connection. */
export class Attempts {
  readonly #max: number;
  #made = 0;
  #failures = 0;
  #connectedAtMs: number | undefined;

  /** @param max attempts in a row before giving up */
  constructor(max: number) {
    this.#max = max;
  }

  /** Attempts made. */
  get made(): number {
    return this.#made;
  }

  /** Ends of attempts and connections, for the backoff. */
  get failures(): number {
    return this.#failures;
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
