import { makeEpoch } from '../epoch.ts';
import type { ChannelKey } from '../ports.ts';
import { DedupeWindow } from './dedupe.ts';
import { HistoryBuffer } from './history-buffer.ts';
import type { KnownPlaces } from './known-places.ts';

/** An epoch of a channel that has ended, with what is still held of it. */
export interface EndedState {
  readonly epoch: string;
  lastSeq: number;
  /** The epoch's end is final, also while the partition is not settled. */
  isSealed: boolean;
  /** Number of the generation that ended it. */
  readonly generation: number;
  readonly history: HistoryBuffer;
}

/** Everything about one channel. */
export interface ChannelState {
  readonly key: ChannelKey;
  epoch: string;
  seq: number;
  history: HistoryBuffer;
  readonly dedupe: DedupeWindow;
  /** Epochs before the present one, oldest first. */
  ended: readonly EndedState[];
  /** Messages that were found in the database, or published again, after a loss; `undefined`: none. */
  places: KnownPlaces | undefined;
  /** Gateways that want the channel. */
  readonly interest: Set<string>;
  /** Id of the newest route entry while the channel is in the routed lane, else `undefined`. */
  lastRouted: number | undefined;
  usedAtMs: number;
  /** How its message entries in the journal begin; made when there is one, anew for each epoch. */
  journalHead: string | undefined;
  /** How often it was told that the channel is occupied or vacated: odd means told as occupied. */
  told: number;
}

const NOTHING_ENDED: readonly EndedState[] = [];

export function newChannel(
  key: ChannelKey,
  nowMs: number,
  position = { epoch: makeEpoch(nowMs), seq: 0 },
): ChannelState {
  return {
    key,
    epoch: position.epoch,
    seq: position.seq,
    history: new HistoryBuffer(),
    dedupe: new DedupeWindow(),
    ended: NOTHING_ENDED,
    places: undefined,
    interest: new Set(),
    lastRouted: undefined,
    usedAtMs: nowMs,
    journalHead: undefined,
    told: 0,
  };
}
