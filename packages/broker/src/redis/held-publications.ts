import type { Publication, PublishOutcome } from '../ports.ts';

type Accepted = Extract<PublishOutcome, { status: 'accepted' }>;

export interface HeldPublication {
  readonly publication: Publication;
  readonly outcome: Accepted;
}

interface HeldBatch {
  /** The partition's write count that accepted these. */
  readonly count: number;
  readonly atMs: number;
  readonly chars: number;
  readonly items: readonly HeldPublication[];
}

/** Longer ago than any lag that a Redis with AOF or a working replica has. */
const MAX_AGE_MS = 30_000;
/** Of one partition, in characters of their records. */
const MAX_CHARS = 1_000_000;

/** What one partition accepted lately, so that it can be published again when Redis turns out to have lost it. */
export class HeldPublications {
  #batches: HeldBatch[] = [];
  #first = 0;
  #chars = 0;

  add(count: number, items: readonly HeldPublication[], nowMs: number): void {
    let chars = 0;
    for (const { publication } of items) chars += publication.record.length;
    this.#batches.push({ count, atMs: nowMs, chars, items });
    this.#chars += chars;
    this.#drop(nowMs);
  }

  /** Takes out what was accepted after `count`, in the order of acceptance, and forgets the rest. */
  takeAfter(count: number): readonly HeldPublication[] {
    const lost = this.#batches.slice(this.#first).filter((batch) => batch.count > count);
    this.#batches = [];
    this.#first = 0;
    this.#chars = 0;
    return lost.flatMap(({ items }) => items);
  }

  #drop(nowMs: number): void {
    while (this.#first < this.#batches.length) {
      const oldest = this.#batches[this.#first]!;
      if (this.#chars <= MAX_CHARS && nowMs - oldest.atMs < MAX_AGE_MS) break;
      this.#chars -= oldest.chars;
      this.#first++;
    }
    // Moved in blocks: taking one out of the front at a time costs as much as the array is long.
    if (this.#first > 1024 || this.#first === this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first);
      this.#first = 0;
    }
  }
}
