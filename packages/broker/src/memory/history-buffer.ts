import type { HistoryEntry, Keeping } from '../ports.ts';

/** Space in front of the first entry is given back when it is this large. */
const COMPACT_AT = 1024;

/** A channel's newest messages, bounded in number and age. Entries are contiguous in seq. */
export class HistoryBuffer {
  #entries: HistoryEntry[] = [];
  #head = 0;
  #expiresAt = Number.POSITIVE_INFINITY;

  append(entry: HistoryEntry, { maxMessages, ttlMs }: NonNullable<Keeping['history']>, nowMs: number): void {
    if (nowMs > this.#expiresAt) this.clear();
    this.#entries.push(entry);
    this.#expiresAt = nowMs + ttlMs;
    this.#head = Math.max(this.#head, this.#entries.length - maxMessages);
    if (this.#head > COMPACT_AT) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** seq from..to inclusive, ascending. */
  range(from: number, to: number, limit: number, nowMs: number): readonly HistoryEntry[] {
    if (nowMs > this.#expiresAt) this.clear();
    const first = this.#entries[this.#head];
    if (first === undefined) return [];
    const start = this.#head + Math.max(0, from - first.seq);
    const end = Math.min(this.#entries.length, this.#head + to - first.seq + 1, start + limit);
    return end <= start ? [] : this.#entries.slice(start, end);
  }

  /** seq below `before`, descending. */
  latest(before: number, limit: number, nowMs: number): readonly HistoryEntry[] {
    const from = before - limit;
    return this.range(Math.max(1, from), before - 1, limit, nowMs).toReversed();
  }

  get expiresAt(): number {
    return this.#entries.length === 0 ? 0 : this.#expiresAt;
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#expiresAt = Number.POSITIVE_INFINITY;
  }
}
