import type { Redis } from 'ioredis';

/** How often the two clocks are compared; good ones drift by less than a millisecond in that time. */
const COMPARE_MS = 10_000;
/** An answer that took longer says too little, unless it is the first one. */
const MAX_ROUND_TRIP_MS = 1000;

/**
 * The clock of Redis, read off this machine's. Machines may be minutes apart; what one gateway stamps and another compares has to be of
 * one clock. Exact to half a round trip.
 */
export class RedisClock {
  readonly #redis: Redis;
  readonly #onError: (error: Error) => void;
  #aheadMs = 0;
  #isCompared = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(redis: Redis, onError: (error: Error) => void) {
    this.#redis = redis;
    this.#onError = onError;
    redis.on('ready', () => void this.#compare());
  }

  /** Milliseconds since 1970. */
  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  /** Resolves when the clocks have been compared. */
  async start(): Promise<void> {
    await this.#compare();
    this.#timer = setInterval(() => {
      if (this.#redis.status === 'ready') void this.#compare();
    }, COMPARE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #compare(): Promise<void> {
    try {
      const begin = performance.now();
      const [seconds, microseconds] = await this.#redis.time();
      const end = performance.now();
      if (this.#isCompared && end - begin > MAX_ROUND_TRIP_MS) return;
      this.#isCompared = true;
      const thenMs = Number(seconds) * 1000 + Number(microseconds) / 1000 + (end - begin) / 2;
      this.#aheadMs = Math.round(thenMs - Date.now());
    } catch (error) {
      this.#onError(error as Error); // the last comparison holds
    }
  }
}
