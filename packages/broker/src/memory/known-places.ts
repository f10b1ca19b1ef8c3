import type { Position } from '@carillon/protocol';

/** Most ids that a channel remembers; beyond, the ones that were noted first are forgotten. */
const MAX_PLACES = 20_000;
/** Repeats are recognised by id for a day, as long as an Idempotency-Key is valid. */
const TTL_MS = 86_400_000;

export interface Place extends Position {
  readonly expiresAtMs: number;
}

/**
 * Where messages are that a loss took from the broker, by id: found in the database, or published again. Their publishers may repeat them without
 * knowing.
 */
export class KnownPlaces {
  readonly #places = new Map<string, Place>();

  get size(): number {
    return this.#places.size;
  }

  find(id: string, nowMs: number): Position | undefined {
    const place = this.#places.get(id);
    return place === undefined || nowMs > place.expiresAtMs
      ? undefined
      : { epoch: place.epoch, seq: place.seq };
  }

  note(id: string, { epoch, seq }: Position, nowMs: number): void {
    this.restore(id, { epoch, seq, expiresAtMs: nowMs + TTL_MS });
  }

  restore(id: string, place: Place): void {
    this.#places.delete(id);
    this.#places.set(id, place);
    const [oldest] = this.#places.size > MAX_PLACES ? this.#places.keys() : [];
    if (oldest !== undefined) this.#places.delete(oldest);
  }

  /** Oldest first. */
  all(): readonly (readonly [id: string, place: Place])[] {
    return [...this.#places];
  }

  /** Forgets what has expired. */
  sweep(nowMs: number): void {
    for (const [id, { expiresAtMs }] of this.#places) {
      if (nowMs <= expiresAtMs) return;
      this.#places.delete(id);
    }
  }
}
