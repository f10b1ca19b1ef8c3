/**
 * Counts of one channel at one client over all of its connections. Exact: a resumed client may receive messages again,
 * which count as duplicated.
 */
export interface ArrivalCounts {
  arrived: number;
  duplicated: number;
  reordered: number;
}

/** A publisher numbers the messages of a channel from 1 on, and begins when everybody is subscribed. */
export class Arrivals {
  readonly #counts: ArrivalCounts;
  #last = 0;
  /** Numbers below the last one that have not come. Empty unless something goes wrong. */
  readonly #missing = new Set<number>();

  constructor(counts: ArrivalCounts) {
    this.#counts = counts;
  }

  get last(): number {
    return this.#last;
  }

  take(n: number): void {
    if (n > this.#last) {
      for (let skipped = this.#last + 1; skipped < n; skipped++) this.#missing.add(skipped);
      this.#last = n;
    } else if (this.#missing.delete(n)) this.#counts.reordered++;
    else {
      this.#counts.duplicated++;
      return;
    }
    this.#counts.arrived++;
  }

  /** How many of the first `published` have not come. */
  lostOf(published: number): number {
    return this.#missing.size + Math.max(0, published - this.#last);
  }
}
