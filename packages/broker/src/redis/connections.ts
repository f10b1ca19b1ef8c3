import { isElsewhere, type Sentinels } from '@carillon/redis';
import type { Redis } from 'ioredis';

/** A server that stays read-only is not asked more often for another one. */
const PAUSE_MS = 2000;

/** The connections of one broker, so that they can be made anew together. */
export class Connections {
  readonly #onError: (error: Error) => void;
  readonly #sentinels: Sentinels | undefined;
  /** A few, and as many for as long as the broker lives. */
  readonly #open = new Set<Redis>();
  #reconnectedMs = Number.NEGATIVE_INFINITY;

  constructor(onError: (error: Error) => void, sentinels?: Sentinels) {
    this.#onError = onError;
    this.#sentinels = sentinels;
  }

  /** Is the primary about to be replaced? What it accepts now would be lost if the replica did not get it in time. */
  get isFailingOver(): boolean {
    return this.#sentinels?.isFailingOver === true;
  }

  add(redis: Redis): Redis {
    this.#open.add(redis);
    redis.once('end', () => this.#open.delete(redis));
    return redis;
  }

  /**
   * An answer was an error. A server that was turned into a replica, or gave its slots away, keeps its connections: only new ones get to
   * where the data are now.
   */
  onErrorReply(error: Error): void {
    if (isElsewhere(error))
      this.reconnect(`this Redis is not the one any more (${error.message}): connecting again`);
  }

  /** Makes all connections anew, unless that was done a moment ago. */
  reconnect(why: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#reconnectedMs < PAUSE_MS) return;
    this.#reconnectedMs = nowMs;
    this.#onError(new Error(why));
    for (const redis of this.#open) if (redis.status === 'ready') redis.disconnect(true);
  }
}
