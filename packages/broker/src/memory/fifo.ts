/** Space in front of the first item is given back from here on, and only when it is half of all. */
const COMPACT_FROM = 64;

/** A queue with cheap access to both ends and to runs in between. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The item `index` places behind the first. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index];
  }

  last(): T | undefined {
    return this.length === 0 ? undefined : this.#items.at(-1);
  }

  /** Items at `from` up to but not including `to`, counted from the first. */
  slice(from: number, to: number): T[] {
    const end = Math.min(this.length, to);
    if (end <= from) return [];
    return this.#items.slice(this.#head + Math.max(0, from), this.#head + end) as T[];
  }

  /** Drops the `count` first items and answers them. */
  take(count: number): T[] {
    const taken = this.slice(0, count);
    this.drop(taken.length);
    return taken;
  }

  drop(count: number): void {
    const head = Math.min(this.#items.length, this.#head + Math.max(0, count));
    // A dropped record mustn't stay in memory until the next compaction.
    this.#items.fill(undefined, this.#head, head);
    this.#head = head;
    if (this.#head < COMPACT_FROM || this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
