import type { AckCursor } from '../../ack-cursors.ts';
import type { ChannelKey, Dedupe, Keeping } from '../../ports.ts';
import type { DedupeSnapshot } from '../dedupe.ts';

/** Raised when a file of this version can't be read by the version before. A new optional member needs no new version. */
export const JOURNAL_VERSION = 1;

export interface JournalHeader {
  readonly type: 'header';
  readonly format: 'carillon-journal';
  readonly version: number;
  readonly kind: 'log' | 'snapshot';
  readonly generation: number;
}

/** A channel that begins, or its state in a snapshot. */
export interface ChannelEntry {
  readonly type: 'channel';
  readonly channel: ChannelKey;
  readonly epoch: string;
  readonly seq: number;
  readonly atMs: number;
  /** How often its occupancy was told. Absent: never. */
  readonly told?: number;
}

/** An accepted message. The text is its record; empty when it is kept neither in history nor in the log. */
export interface MessageEntry {
  readonly type: 'message';
  readonly channel: ChannelKey;
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly atMs: number;
  readonly history?: Keeping['history'];
  /** Number of its log entry, which is there until a `stored` entry names it. */
  readonly log?: number | undefined;
  readonly dedupe?: Dedupe | undefined;
}

/** Where an entry of the log stands that is no message of its channel's history: in a snapshot, and for occupancy. The text is its record. */
export interface LogEntryEntry {
  readonly type: 'log';
  readonly log: number;
  readonly channel: ChannelKey;
  readonly epoch: string;
  readonly seq: number;
}

/** In a snapshot. The text is the record. */
export interface HistoryEntryEntry {
  readonly type: 'history';
  readonly channel: ChannelKey;
  readonly seq: number;
  readonly expiresAtMs: number;
}

export type JournalEntry =
  | ChannelEntry
  | MessageEntry
  | LogEntryEntry
  | HistoryEntryEntry
  | { readonly type: 'stored'; readonly logs: readonly number[] }
  | { readonly type: 'told'; readonly channel: ChannelKey; readonly told: number }
  | ({ readonly type: 'ack'; readonly channel: ChannelKey } & AckCursor)
  | ({ readonly type: 'dedupe'; readonly channel: ChannelKey } & DedupeSnapshot)
  /** The last one of a snapshot: without it the snapshot is not complete. */
  | { readonly type: 'end'; readonly nextLog: number };

/** An entry and the text that goes with it. */
export type Written = readonly [entry: JournalEntry | JournalHeader, text: string];
