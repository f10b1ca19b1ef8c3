import type { Broker, ChannelKey, HistoryEntry } from '@carillon/broker';
import type { NamespacePolicy } from '@carillon/config';
import type { NotRecoveredReason } from '@carillon/protocol';
import { backoffMs, pause } from '@carillon/service';

/** Messages fetched at a time, so that a long absence doesn't fill the memory. */
const PAGE_SIZE = 200;
const COLD_TIMEOUT_MS = 5000;
/** Attempts to read what is missing while history is unavailable: about ten seconds. */
const READ_ATTEMPTS = 8;

export interface MissingPage {
  /** Contiguous, beginning with the seq that was asked for; never empty. */
  readonly entries: readonly HistoryEntry[];
}

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
): Promise<MissingPage | { readonly reason: NotRecoveredReason }> {
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

/** A broker or a storage that is away for a moment must not become a gap, neither for everybody nor for one that comes back. */
export async function readPatiently(
  read: () => ReturnType<typeof readMissing>,
): ReturnType<typeof readMissing> {
  for (let attempt = 1; ; attempt++) {
    const page = await read();
    if (!('reason' in page) || page.reason !== 'history-unavailable' || attempt === READ_ATTEMPTS)
      return page;
    await pause(backoffMs(attempt));
  }
}

/**
 * What follows `from` in an epoch that has ended because the broker lost data, a page at a time; empty at its end, or when nothing can be
 * had: the subscribers are told of the new epoch in any case.
 */
export async function readEnded(
  { broker, gateway }: MissingDependencies,
  { channel, epoch, from, policy }: Omit<MissingQuery, 'to'>,
): Promise<readonly HistoryEntry[]> {
  try {
    const hot = await broker.history.ended(channel, { epoch, from, limit: PAGE_SIZE });
    if (hot[0]?.seq === from) return contiguous(hot, from);
    if (!policy.durable) return [];
    const cold = await broker.cold.ask(
      gateway,
      { kind: 'range', channel, epoch, from, to: Number.MAX_SAFE_INTEGER, limit: PAGE_SIZE },
      COLD_TIMEOUT_MS,
    );
    return cold[0]?.seq === from ? contiguous(cold, from) : [];
  } catch {
    return []; // told by the broker's own log
  }
}

/** The part of `entries` without a gap. Trimming works by whole blocks, so a gap inside is possible only at its edge. */
function contiguous(entries: readonly HistoryEntry[], from: number): readonly HistoryEntry[] {
  const end = entries.findIndex((entry, i) => entry.seq !== from + i);
  return end < 0 ? entries : entries.slice(0, end);
}
