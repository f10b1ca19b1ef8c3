import { type Broker, type ChannelKey, endOf, type HistoryEntry } from '@carillon/broker';
import type { HistoryReason, Position } from '@carillon/protocol';

export interface PositionQuestion {
  readonly channel: ChannelKey;
  readonly position: Position;
  readonly side: 'after' | 'before';
  /** The page that the position leads to. */
  readonly entries: readonly HistoryEntry[];
  /** Reads the messages of an epoch from the database; absent: the namespace is not durable. */
  readonly cold: ((epoch: string, seq: number) => Promise<readonly HistoryEntry[]>) | undefined;
}

/**
 * [HI4] Why a position is none of the channel; `undefined`: it is. A page that goes on where the position is, as pages do that are read one
 * after the other, costs no further question.
 */
export async function judgePosition(
  { history }: Pick<Broker, 'history'>,
  { channel, position, side, entries, cold }: PositionQuestion,
): Promise<HistoryReason | undefined> {
  const { epoch, seq } = position;
  const next = side === 'after' ? seq + 1 : seq - 1;
  if (entries[0]?.epoch === epoch && entries[0].seq === next) return undefined;
  // A position before a message may be behind the last one.
  const reached = side === 'after' ? seq : seq - 1;
  const { top } = await history.latest(channel, { limit: 1 });
  if (top?.epoch === epoch) return reached > top.seq ? 'position-ahead' : undefined;
  const end = top === undefined ? undefined : endOf(top, epoch);
  if (end !== undefined) return reached > end.lastSeq ? 'epoch-changed' : undefined;
  // Before the first message of a channel that has none.
  if (top === undefined && reached <= 0) return undefined;
  // An epoch that the broker no longer names.
  const stored = await cold?.(epoch, Math.max(1, reached));
  return stored?.length ? undefined : 'epoch-changed';
}
