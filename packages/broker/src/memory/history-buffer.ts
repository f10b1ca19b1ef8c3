import type { HistoryEntry, Keeping } from '../ports.ts';
import { Fifo } from './fifo.ts';

/** A channel's newest messages, bounded in number and age. Entries are contiguous in seq. */
export class HistoryBuffer {
  readonly #entries = new Fifo<HistoryEntry>();
  #expiresAtMs = 0;

  append(entry: HistoryEntry, { maxMessages, ttlMs }: NonNullable<Keeping['history']>, nowMs: number): void {
    this.expire(nowMs);
    // A message in between was kept nowhere, so what is older can't be read on to here.
    if ((this.#entries.last()?.seq ?? entry.seq - 1) !== entry.seq - 1) this.#entries.clear();
    this.#entries.push(entry);
    this.#entries.drop(this.#entries.length - maxMessages);
    this.#expiresAtMs = nowMs + ttlMs;
  }

  /** seq from..to inclusive, ascending. */
  range(from: number, to: number, limit: number, nowMs: number): readonly HistoryEntry[] {
    this.expire(nowMs);
    const first = this.#entries.at(0);
    if (first === undefined) return [];
    const start = Math.max(0, from - first.seq);
    return this.#entries.slice(start, Math.min(to - first.seq + 1, start + limit));
  }

  /** seq below `before`, descending. */
  latest(before: number, limit: number, nowMs: number): readonly HistoryEntry[] {
    const end = Math.min(before, (this.#entries.last()?.seq ?? 0) + 1);
    return this.range(Math.max(1, end - limit), end - 1, limit, nowMs).toReversed();
  }

  /** All of it, oldest first. */
  entries(): readonly HistoryEntry[] {
    return this.#entries.slice(0, this.#entries.length);
  }

  /** Puts back what another buffer held, oldest first. */
  restore(entry: HistoryEntry, expiresAtMs: number): void {
    this.#entries.push(entry);
    this.#expiresAtMs = expiresAtMs;
  }

  /** 0 when there is nothing. */
  get expiresAtMs(): number {
    return this.#entries.length === 0 ? 0 : this.#expiresAtMs;
  }

  /** Drops what nobody asked for until it was too old. */
  expire(nowMs: number): void {
    if (nowMs > this.#expiresAtMs) this.#entries.clear();
  }
}
