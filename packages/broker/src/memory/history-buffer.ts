import type { HistoryEntry, StoragePolicy } from '../ports.ts';
import { Fifo } from './fifo.ts';

/** Entries that were appended soon after each other expire together, with the last of them. */
interface Segment {
  readonly firstExpiresAtMs: number;
  lastSeq: number;
  expiresAtMs: number;
}

/** Segments in a retention: a message is kept for at most an eighth longer than it has to be. */
const SEGMENTS_PER_RETENTION = 8;

/** A channel's newest messages, bounded in number and age. Entries are contiguous in seq. */
export class HistoryBuffer {
  readonly #entries = new Fifo<HistoryEntry>();
  /** Oldest first. */
  readonly #segments = new Fifo<Segment>();

  append(
    entry: HistoryEntry,
    { maxMessages, ttlMs }: NonNullable<StoragePolicy['history']>,
    nowMs: number,
  ): void {
    this.expire(nowMs);
    // A message in between was kept nowhere, so what is older can't be read on to here.
    if ((this.#entries.last()?.seq ?? entry.seq - 1) !== entry.seq - 1) this.#entries.clear();
    this.#push(entry, nowMs + ttlMs, ttlMs / SEGMENTS_PER_RETENTION);
    this.#entries.drop(this.#entries.length - maxMessages);
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
    this.#push(entry, expiresAtMs, 1);
  }

  /** When an entry of this buffer expires. */
  expiryOf({ seq }: HistoryEntry): number {
    for (let i = 0; i < this.#segments.length; i++) {
      const { lastSeq, expiresAtMs } = this.#segments.at(i)!;
      if (lastSeq >= seq) return expiresAtMs;
    }
    return 0;
  }

  /** Of the newest entry; 0 when there is none. */
  get expiresAtMs(): number {
    return this.#entries.length === 0 ? 0 : this.#segments.last()!.expiresAtMs;
  }

  /** Drops what is too old. */
  expire(nowMs: number): void {
    for (
      let oldest = this.#segments.at(0);
      oldest !== undefined && nowMs > oldest.expiresAtMs;
      oldest = this.#segments.at(0)
    ) {
      this.#segments.drop(1);
      const first = this.#entries.at(0);
      if (first !== undefined && first.seq <= oldest.lastSeq)
        this.#entries.drop(oldest.lastSeq - first.seq + 1);
    }
  }

  /** @param segmentMs how much later than the first of its segment an entry may come */
  #push(entry: HistoryEntry, expiresAtMs: number, segmentMs: number): void {
    this.#entries.push(entry);
    const segment = this.#segments.last();
    if (segment === undefined || expiresAtMs - segment.firstExpiresAtMs >= segmentMs) {
      this.#segments.push({ firstExpiresAtMs: expiresAtMs, lastSeq: entry.seq, expiresAtMs });
      return;
    }
    segment.lastSeq = entry.seq;
    segment.expiresAtMs = Math.max(segment.expiresAtMs, expiresAtMs);
  }
}
