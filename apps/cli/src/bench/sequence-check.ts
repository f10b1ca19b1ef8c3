/**
 * Counts losses, duplicates and reordering of one publisher's messages at one subscriber. The publisher numbers its
 * messages per channel from 1.
 */
export class SequenceCheck {
  received = 0;
  duplicated = 0;
  reordered = 0;
  #last = 0;
  /** Numbers below the last that have not come; empty unless something goes wrong. */
  readonly #missing = new Set<number>();

  take(n: number): void {
    if (n > this.#last) {
      for (let skipped = this.#last + 1; skipped < n; skipped++) this.#missing.add(skipped);
      this.#last = n;
    } else if (this.#missing.delete(n)) this.reordered++;
    else {
      this.duplicated++;
      return;
    }
    this.received++;
  }

  /** @param published how many there were in all */
  lostOf(published: number): number {
    return this.#missing.size + Math.max(0, published - this.#last);
  }
}
