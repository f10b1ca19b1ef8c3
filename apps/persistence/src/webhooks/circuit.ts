import { backoffMs } from '@carillon/service';

/** Failures in a row after which an endpoint is given a pause. */
const OPEN_AFTER = 5;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * An endpoint that fails is tried rarely, with one delivery at a time, so that the others keep their attempts and it is not
 * hammered while it gets up.
 */
export class Circuit {
  #failures = 0;
  #openUntilMs = 0;

  get isOpen(): boolean {
    return this.#failures >= OPEN_AFTER;
  }

  /** Most deliveries that may be under way at `nowMs` (of `performance.now()`). */
  limit(concurrency: number, nowMs: number): number {
    if (!this.isOpen) return concurrency;
    return nowMs >= this.#openUntilMs ? 1 : 0;
  }

  /** Until the next try, in milliseconds. */
  pauseMs(nowMs: number): number {
    return this.isOpen ? Math.max(0, this.#openUntilMs - nowMs) : 0;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(nowMs: number): void {
    // The outcome of an attempt begun before the circuit opened is no news.
    if (this.isOpen && nowMs < this.#openUntilMs) return;
    this.#failures++;
    if (!this.isOpen) return;
    const pause = { initialMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS };
    this.#openUntilMs = nowMs + backoffMs(this.#failures - OPEN_AFTER + 1, pause);
  }
}
