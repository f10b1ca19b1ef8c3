import type { Position } from '@carillon/protocol';
import { epochTimeMs } from './epoch.ts';

/** An epoch of a channel that has ended, because the broker came back as another process. */
export interface EndedEpoch {
  readonly epoch: string;
  /** The last position of this epoch that counts. What was accepted after it is published again in the epoch that follows. */
  readonly lastSeq: number;
  /** `lastSeq` stays as it is. Before that the database may turn out to have more of the epoch. */
  readonly isFinal: boolean;
  /** Accepted messages of this time are known to be lost: whoever goes on after it has to be told. */
  readonly isLossy: boolean;
}

/** Most epochs that a channel remembers before the present one. */
export const MAX_ENDED_EPOCHS = 16;

/** Where a channel is, and how it came there. */
export interface Lineage extends Position {
  /** Epochs before the present one, without a hole, oldest first; at most {@link MAX_ENDED_EPOCHS}. */
  readonly before: readonly EndedEpoch[];
  /**
   * Since then the broker can't have forgotten a message of this channel without a trace (milliseconds since 1970, on the broker's clock): an epoch
   * made later that the channel doesn't name had no message. `undefined`: nothing is known of such epochs.
   */
  readonly emptySinceMs?: number | undefined;
  /** `false`: the database may turn out to know more epochs before the present one, unless the ends of those named here are final. */
  readonly isSettled?: boolean | undefined;
  /** Names the broker's process and data that say so; `undefined` where there is only one. */
  readonly generation?: string | undefined;
}

export const NOTHING_BEFORE: readonly EndedEpoch[] = [];

/** @returns a state whose channel has had no other epoch, or has forgotten it */
export function soleEpoch(epoch: string, seq: number, emptySinceMs?: number): Lineage {
  return { epoch, seq, before: NOTHING_BEFORE, ...(emptySinceMs !== undefined && { emptySinceMs }) };
}

/** The end of an epoch that this channel names; `undefined` when it doesn't name it, or it is the present one. */
export function namedEnd({ before }: Lineage, epoch: string): EndedEpoch | undefined {
  return before.findLast((ended) => ended.epoch === epoch);
}

/** As {@link namedEnd}, and of an epoch that was begun for a subscriber and forgotten when it left, because no message had come. */
export function endOf(lineage: Lineage, epoch: string): EndedEpoch | undefined {
  return namedEnd(lineage, epoch) ?? (wasEmpty(lineage, epoch) ? emptyEpoch(epoch) : undefined);
}

/** The epoch that follows `epoch` in this channel; `undefined` when the channel doesn't know it, or it is the present one. */
export function epochAfter(lineage: Lineage, epoch: string): string | undefined {
  const { before, epoch: present } = lineage;
  const at = before.findLastIndex((ended) => ended.epoch === epoch);
  if (at < 0 && !wasEmpty(lineage, epoch)) return undefined;
  return before[at + 1]?.epoch ?? present;
}

/** How many messages follow `position`; `undefined` when it isn't in this line of epochs. */
export function countAfter(lineage: Lineage, { epoch, seq }: Position): number | undefined {
  if (epoch === lineage.epoch) return seq <= lineage.seq ? lineage.seq - seq : undefined;
  const end = endOf(lineage, epoch);
  if (end === undefined || seq > end.lastSeq) return undefined;
  const at = lineage.before.indexOf(end);
  const between = lineage.before.slice(at + 1).reduce((sum, { lastSeq }) => sum + lastSeq, 0);
  return end.lastSeq - seq + between + lineage.seq;
}

/** Before the first epoch that the channel names, and after all that can have been forgotten. */
function wasEmpty({ before, epoch: present, emptySinceMs }: Lineage, epoch: string): boolean {
  if (emptySinceMs === undefined || before.length >= MAX_ENDED_EPOCHS) return false;
  const madeMs = epochTimeMs(epoch);
  const firstMs = epochTimeMs(before[0]?.epoch ?? present);
  if (madeMs === undefined || firstMs === undefined || epoch === present) return false;
  // Of the same millisecond is before as well: the channel names all that followed its first one.
  return madeMs > emptySinceMs && madeMs <= firstMs;
}

function emptyEpoch(epoch: string): EndedEpoch {
  return { epoch, lastSeq: 0, isFinal: true, isLossy: false };
}
