import type { Broker, ChannelKey, HistoryEntry } from '@carillon/broker';
import type { NamespacePolicy } from '@carillon/config';
import type { NotRecoveredReason } from '@carillon/protocol';

/** Messages fetched at a time, so that a long absence doesn't fill the memory. */
const PAGE_SIZE = 200;
const COLD_TIMEOUT_MS = 5000;
/** Also where nobody may stay away: a failover takes its time. */
const MIN_PATIENCE_MS = 10_000;

export interface MissingPage {
  /** Contiguous, beginning with the seq that was asked for; never empty. */
  readonly entries: readonly HistoryEntry[];
}

export type MissingRead = MissingPage | { readonly reason: NotRecoveredReason };

export interface MissingDependencies {
  readonly broker: Pick<Broker, 'history' | 'cold'>;
  readonly gateway: string;
}

export interface MissingQuery {
  readonly channel: ChannelKey;
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly policy: NamespacePolicy;
}

/** Reads what a subscriber or this gateway missed: from hot history, else from Postgres, else says why not. */
export async function readMissing(
  { broker, gateway }: MissingDependencies,
  query: MissingQuery,
): Promise<MissingRead> {
  const { channel, epoch, from, to, policy } = query;
  if (policy.history === undefined && !policy.durable) return { reason: 'history-disabled' };
  try {
    const { top, entries } = await broker.history.range(channel, { from, to, limit: PAGE_SIZE });
    if (top !== undefined && top.epoch !== epoch) return { reason: 'epoch-changed' };
    if (entries[0]?.seq === from) return { entries: contiguous(entries, from) };
    if (!policy.durable) return { reason: 'history-trimmed' };
    const cold = await broker.cold.ask(
      gateway,
      { kind: 'range', channel, epoch, from, to, limit: PAGE_SIZE },
      COLD_TIMEOUT_MS,
    );
    return cold[0]?.seq === from ? { entries: contiguous(cold, from) } : { reason: 'history-trimmed' };
  } catch {
    // The broker or the storage is away; the reason tells the client, the broker's own log tells the operator.
    return { reason: 'history-unavailable' };
  }
}

/** For those who are subscribed: what can't be read for as long as one may stay away has to be told. */
export function catchUpPatienceMs({ recoveryWindowMs }: NamespacePolicy): number {
  return Math.max(recoveryWindowMs, MIN_PATIENCE_MS);
}

/**
 * What follows `from` in an epoch that has ended because the broker lost data, a page at a time. `history-trimmed` at its end, too: where
 * an epoch ended nobody knows, and the subscribers are told of the new one in any case.
 */
export async function readEnded(
  { broker, gateway }: MissingDependencies,
  { channel, epoch, from, policy }: Omit<MissingQuery, 'to'>,
): Promise<MissingRead> {
  const none = { reason: 'history-trimmed' } as const;
  try {
    const hot = await broker.history.ended(channel, { epoch, from, limit: PAGE_SIZE });
    if (hot[0]?.seq === from) return { entries: contiguous(hot, from) };
    if (!policy.durable) return none;
    const cold = await broker.cold.ask(
      gateway,
      { kind: 'range', channel, epoch, from, to: Number.MAX_SAFE_INTEGER, limit: PAGE_SIZE },
      COLD_TIMEOUT_MS,
    );
    return cold[0]?.seq === from ? { entries: contiguous(cold, from) } : none;
  } catch {
    return { reason: 'history-unavailable' }; // told by the broker's own log
  }
}

/** The part of `entries` without a gap. Trimming works by whole blocks, so a gap inside is possible only at its edge. */
function contiguous(entries: readonly HistoryEntry[], from: number): readonly HistoryEntry[] {
  const end = entries.findIndex((entry, i) => entry.seq !== from + i);
  return end < 0 ? entries : entries.slice(0, end);
}
