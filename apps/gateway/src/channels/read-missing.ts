import type { Broker, ChannelKey, HistoryEntry } from '@carillon/broker';
import type { NamespacePolicy } from '@carillon/config';
import type { NotRecoveredReason, Position } from '@carillon/protocol';

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

const UNAVAILABLE = { reason: 'history-unavailable' } as const;

/** Reads what a subscriber or this gateway missed: from hot history, else from Postgres, else says why not. */
export async function readMissing(
  { broker, gateway }: MissingDependencies,
  query: MissingQuery,
): Promise<MissingRead> {
  const { channel, epoch, from, to, policy } = query;
  if (keepsNothing(policy)) return { reason: 'history-disabled' };
  try {
    const { top, entries } = await broker.history.range(channel, { from, to, limit: PAGE_SIZE });
    if (top !== undefined && top.epoch !== epoch) return { reason: 'epoch-changed' };
    if (entries[0]?.seq === from) return { entries: contiguous(entries, from) };
    return await readStored({ broker, gateway }, query);
  } catch {
    return UNAVAILABLE; // the reason tells the client, the broker's own log tells the operator
  }
}

/** As {@link readMissing}, of an epoch that has ended. `to` is its last seq, or beyond what anybody knows. */
export async function readEnded(
  { broker, gateway }: MissingDependencies,
  query: MissingQuery,
): Promise<MissingRead> {
  const { channel, epoch, from, to, policy } = query;
  if (keepsNothing(policy)) return { reason: 'history-disabled' };
  try {
    const hot = await broker.history.ended(channel, { epoch, from, to, limit: PAGE_SIZE });
    if (hot[0]?.seq === from) return { entries: contiguous(hot, from) };
    return await readStored({ broker, gateway }, query);
  } catch {
    return UNAVAILABLE;
  }
}

/** Messages stored after a position, whatever their epoch; `undefined`: the database can't be asked now. */
export async function readStoredAfter(
  { broker, gateway }: MissingDependencies,
  { channel, position, policy }: { channel: ChannelKey; position: Position; policy: NamespacePolicy },
): Promise<readonly HistoryEntry[] | undefined> {
  if (!policy.durable) return [];
  try {
    return await broker.cold.ask(
      gateway,
      { kind: 'after', channel, position, limit: PAGE_SIZE },
      COLD_TIMEOUT_MS,
    );
  } catch {
    return undefined;
  }
}

/** For those who are subscribed: what can't be read for as long as one may stay away has to be told. */
export function catchUpPatienceMs({ recoveryWindowMs }: NamespacePolicy): number {
  return Math.max(recoveryWindowMs, MIN_PATIENCE_MS);
}

/** The part of `entries` without a gap. Trimming works by whole blocks, so a gap inside is possible only at its edge. */
export function contiguous(entries: readonly HistoryEntry[], from: number): readonly HistoryEntry[] {
  const end = entries.findIndex((entry, i) => entry.seq !== from + i);
  return end < 0 ? entries : entries.slice(0, end);
}

async function readStored(
  { broker, gateway }: MissingDependencies,
  { channel, epoch, from, to, policy }: MissingQuery,
): Promise<MissingRead> {
  if (!policy.durable) return { reason: 'history-trimmed' };
  const cold = await broker.cold.ask(
    gateway,
    { kind: 'range', channel, epoch, from, to, limit: PAGE_SIZE },
    COLD_TIMEOUT_MS,
  );
  return cold[0]?.seq === from ? { entries: contiguous(cold, from) } : { reason: 'history-trimmed' };
}

function keepsNothing({ history, durable }: NamespacePolicy): boolean {
  return history === undefined && !durable;
}
