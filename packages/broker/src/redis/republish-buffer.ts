import type { Publication, PublishOutcome } from '../ports.ts';

type Accepted = Extract<PublishOutcome, { status: 'accepted' }>;

export interface HeldPublication {
  readonly publication: Publication;
  readonly outcome: Accepted;
}

interface HeldBatch {
  readonly atMs: number;
  readonly chars: number;
  readonly items: readonly HeldPublication[];
}

/** Longer ago than any lag that a Redis with AOF or a working replica has, and than a failover takes by default. */
const MAX_AGE_MS = 60_000;
/** Of one partition, in characters of their records. */
const MAX_CHARS = 8_000_000;

/** Messages lately accepted by one partition, kept to be published again when Redis has lost them. */
export class RepublishBuffer {
  #batches: HeldBatch[] = [];
  #first = 0;
  #chars = 0;

  add(items: readonly HeldPublication[], nowMs: number): void {
    let chars = 0;
    for (const { publication } of items) chars += publication.record.length;
    this.#batches.push({ atMs: nowMs, chars, items });
    this.#chars += chars;
    this.#drop(nowMs);
  }

  /** In the order of acceptance. */
  all(): readonly HeldPublication[] {
    return this.#batches.slice(this.#first).flatMap(({ items }) => items);
  }

  /** These have another place now, which is held by itself. */
  remove(gone: ReadonlySet<HeldPublication>): void {
    this.#batches = this.#batches
      .slice(this.#first)
      .map((batch) => ({ ...batch, items: batch.items.filter((item) => !gone.has(item)) }));
    this.#first = 0;
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
