import type { Position } from '@carillon/protocol';

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

/** Where a channel is, and how it came there. */
export interface Lineage extends Position {
  /** Epochs before the present one, without a hole, oldest first; at most 16. */
  readonly before: readonly EndedEpoch[];
}

const NOTHING_BEFORE: readonly EndedEpoch[] = [];

/** @returns a state whose channel has had no other epoch, or has forgotten it */
export function soleEpoch(epoch: string, seq: number): Lineage {
  return { epoch, seq, before: NOTHING_BEFORE };
}

/** The end of an epoch of this channel; `undefined` when the channel doesn't know the epoch. */
export function endOf(lineage: Lineage, epoch: string): EndedEpoch | undefined {
  return lineage.before.findLast((ended) => ended.epoch === epoch);
}

/** The epoch that follows `epoch` in this channel; `undefined` when the channel doesn't know it, or it is the present one. */
export function epochAfter({ before, epoch: present }: Lineage, epoch: string): string | undefined {
  const at = before.findLastIndex((ended) => ended.epoch === epoch);
  if (at < 0) return undefined;
  return before[at + 1]?.epoch ?? present;
}

/** How many messages follow `position`; `undefined` when it isn't in this line of epochs. */
export function countAfter(lineage: Lineage, { epoch, seq }: Position): number | undefined {
  if (epoch === lineage.epoch) return seq <= lineage.seq ? lineage.seq - seq : undefined;
  const at = lineage.before.findLastIndex((ended) => ended.epoch === epoch);
  const ended = lineage.before[at];
  if (ended === undefined || seq > ended.lastSeq) return undefined;
  const between = lineage.before.slice(at + 1).reduce((sum, { lastSeq }) => sum + lastSeq, 0);
  return ended.lastSeq - seq + between + lineage.seq;
}
