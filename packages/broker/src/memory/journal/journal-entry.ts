import type { Position } from '@carillon/protocol';
import type { AckCursor } from '../../ack-cursors.ts';
import type { ChannelKey, Dedupe, PartitionId, StoragePolicy } from '../../ports.ts';
import type { DedupeSnapshot } from '../dedupe.ts';
import type { Place } from '../known-places.ts';
import type { GenerationState } from '../memory-generation.ts';
import type { Boot } from './machine.ts';

/** Raised when entries get another meaning. A new optional member or entry needs no new version: who doesn't know an entry refuses the file. */
export const JOURNAL_VERSION = 1;

/** When the operating system is asked to bring what was written to the disk. */
export type JournalFsync = 'everysec' | 'always';

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
  /** In a snapshot: epochs before this one, oldest first. */
  readonly ended?: readonly EndedEntry[];
}

export interface EndedEntry {
  readonly epoch: string;
  readonly lastSeq: number;
  readonly isSealed: boolean;
  readonly generation: number;
}

/** A process begins to write. */
export interface StartEntry {
  readonly type: 'start';
  readonly atMs: number;
  readonly boot: Boot;
  readonly fsync: JournalFsync;
  /** Names the file that this entry stands in: a copy of it is another one. */
  readonly file: string;
  /** Since then no message of any channel was forgotten without a trace. */
  readonly emptySinceMs?: number | undefined;
}

/** The journal may lack what was accepted last: every channel goes on in an epoch that follows all before it. */
export interface RaisedEntry {
  readonly type: 'raised';
  readonly generation: number;
  readonly atMs: number;
  readonly keptUpToMs: number;
  /** The epoch, for channels whose epoch sorts before it. */
  readonly epoch: string;
}

/** The database has messages of an ended epoch that the journal lacks: the epoch ends with them. */
export interface ExtendedEntry {
  readonly type: 'extended';
  readonly channel: ChannelKey;
  readonly epoch: string;
  readonly lastSeq: number;
  readonly generation: number;
  readonly atMs: number;
  /** The epoch after it. */
  readonly present: string;
  readonly messages: readonly { readonly id: string; readonly seq: number }[];
}

/** An accepted message. The text is its record; empty when it is kept neither in history nor in the log. */
export interface MessageEntry {
  readonly type: 'message';
  readonly channel: ChannelKey;
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly atMs: number;
  readonly history?: StoragePolicy['history'];
  /** Number of its log entry, which is there until a `stored` entry names it. */
  readonly log?: number | undefined;
  readonly dedupe?: Dedupe | undefined;
  /** Published again after a loss: where it was. */
  readonly former?: Position | undefined;
}

/** Where an entry of the log stands that is no message of its channel's history: in a snapshot, and for occupancy. The text is its record. */
export interface LogEntryEntry {
  readonly type: 'log';
  readonly log: number;
  readonly channel: ChannelKey;
  readonly epoch: string;
  readonly seq: number;
  readonly former?: Position | undefined;
}

/** In a snapshot. The text is the record. */
export interface HistoryEntryEntry {
  readonly type: 'history';
  readonly channel: ChannelKey;
  /** Absent: the present one. */
  readonly epoch?: string;
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
  | { readonly type: 'end'; readonly nextLog: number }
  | StartEntry
  /** Everything before it is on the disk, and the process ends. */
  | { readonly type: 'closed' }
  /** The disk has the file up to here. */
  | { readonly type: 'synced'; readonly bytes: number }
  | RaisedEntry
  /** In a snapshot. */
  | ({ readonly type: 'generation' } & GenerationState)
  | { readonly type: 'settled'; readonly partition: PartitionId; readonly hasLoss: boolean }
  | { readonly type: 'sealed'; readonly channel: ChannelKey }
  | ExtendedEntry
  /** In a snapshot: where messages are that a loss took, by id. */
  | {
      readonly type: 'places';
      readonly channel: ChannelKey;
      readonly places: readonly (readonly [string, Place])[];
    };

/** An entry, or its JSON, and the text that goes with it. */
export type Written = readonly [entry: JournalEntry | JournalHeader | string, text: string];
