import type { Logger } from 'pino';

/** Logs the same trouble at most once per interval, with how often it happened: a loop that fails must not fill the disk. */
export class RepeatedLog {
  readonly #logger: Logger;
  readonly #everyMs: number;
  #last = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(logger: Logger, everyMs = 5000) {
    this.#logger = logger;
    this.#everyMs = everyMs;
  }

  warn(fields: object, message: string): void {
    const now = performance.now();
    if (now - this.#last < this.#everyMs) {
      this.#suppressed++;
      return;
    }
    this.#logger.warn(this.#suppressed > 0 ? { ...fields, repeated: this.#suppressed } : fields, message);
    this.#last = now;
    this.#suppressed = 0;
  }

  /** The trouble is over: the next one is logged at once. */
  reset(): void {
    this.#last = Number.NEGATIVE_INFINITY;
    this.#suppressed = 0;
  }
}
