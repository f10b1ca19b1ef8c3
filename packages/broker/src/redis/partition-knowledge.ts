import type { Claim } from './claim.ts';

/**
 * How much longer durable publishes wait while lost messages of this process have to be published again before them. Behind them they would be out of their
 * publishers' order.
 */
const REPUBLISH_PATIENCE_MS = 25_000;

/** This process' knowledge of a partition. */
export class PartitionKnowledge {
  /** `undefined` until the first claim. */
  generation: string | undefined;
  /** Highest write count of an answered publish, or of a push. */
  seen = 0;
  /** Generations that began with a loss; `undefined` until the first claim. */
  lossy: string | undefined;
  /** The database has said what it has. */
  isSettled = false;
  /** Lost messages of durable namespaces are being published again here: what follows them has to wait. */
  isRepublishing = false;
  /** Until when durable publishes wait for the database, on the clock of performance.now(). */
  #waitsUntilMs = 0;

  saw(count: number): void {
    if (count > this.seen) this.seen = count;
  }

  /** @returns whether it is another generation than before; the first one is no news */
  learn({ generation, count, isSettled }: Claim, waitsUntilMs: number): boolean {
    const before = this.generation;
    this.saw(count);
    if (before !== generation) this.#waitsUntilMs = waitsUntilMs;
    this.generation = generation;
    this.isSettled = isSettled;
    return before !== undefined && before !== generation;
  }

  /** @returns whether the list names a loss that it did not name before */
  learnLosses(lossy: string): boolean {
    const before = this.lossy;
    this.lossy = lossy;
    if (before === undefined || lossy === '' || lossy === before) return false;
    const known = new Set(before.split(','));
    return lossy.split(',').some((generation) => !known.has(generation));
  }

  /** May durable messages be published? */
  takesDurable(nowMs: number): boolean {
    const patienceMs = this.isRepublishing ? REPUBLISH_PATIENCE_MS : 0;
    return (this.isSettled && !this.isRepublishing) || nowMs >= this.#waitsUntilMs + patienceMs;
  }
}
