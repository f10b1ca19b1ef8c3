import {
  type Broker,
  type ChannelKey,
  endOf,
  epochAfter,
  type GatewayFeed,
  type HistoryEntry,
  type Lineage,
} from '@carillon/broker';
import type { NamespacePolicy } from '@carillon/config';
import type { NotRecoveredReason, Position } from '@carillon/protocol';
import { backoffMs, pause } from '@carillon/service';
import type { LineageReader } from './lineage-reader.ts';
import { contiguous, readEnded, readStoredAfter } from './read-missing.ts';

/** Bound of the wait for the database's answer about an epoch; after it the epoch ends with what the broker knows. */
const SETTLE_PATIENCE_MS = 10_000;
const MAX_PAUSE_MS = 1000;
const STEP_PAUSE_MS = 50;

/** Owner of the ended epochs: a channel. */
export interface EpochOwner {
  readonly key: ChannelKey;
  readonly policy: NamespacePolicy;
}

/**
 * How to go on in a channel from a position whose epoch has ended: with more messages of it, or at the beginning of the next one. With a reason,
 * messages in between are lost, or may be.
 */
export type EpochStep =
  | { readonly entries: readonly HistoryEntry[] }
  | { readonly to: Position; readonly reason?: NotRecoveredReason }
  | { readonly reason: 'history-unavailable' };

export interface EndedEpochsDependencies {
  readonly broker: Pick<Broker, 'history' | 'cold'>;
  readonly feed: Pick<GatewayFeed, 'gateway' | 'untilSettled'>;
  readonly lineages: LineageReader;
}

/** Leads readers from epochs that have ended to the present one. Epochs are in the order that the channel itself names; only those it doesn't know go by name. */
export class EndedEpochs {
  readonly #deps: EndedEpochsDependencies;

  constructor(deps: EndedEpochsDependencies) {
    this.#deps = deps;
  }

  /**
   * Where the channel is, with final ends of its earlier epochs: waits for the database a while, and goes on without it then. `undefined` when nobody
   * wants it any longer.
   * @param known what is known already
   */
  async settled(
    { key, policy }: { readonly key: ChannelKey; readonly policy: Pick<NamespacePolicy, 'durable'> },
    known: Lineage | undefined,
    isWanted: () => boolean,
  ): Promise<Lineage | undefined> {
    const { feed, lineages } = this.#deps;
    const deadlineMs = performance.now() + SETTLE_PATIENCE_MS;
    let lineage = known;
    for (let attempt = 1; isWanted(); attempt++) {
      if (lineage !== undefined && isFinal(lineage, policy)) return lineage;
      try {
        if (lineage !== undefined) {
          const leftMs = deadlineMs - performance.now();
          if (leftMs <= 0 || !(await feed.untilSettled(key, leftMs))) await lineages.seal(key);
        }
        lineage = await lineages.read(key);
      } catch {
        await pause(backoffMs(attempt, { maxMs: MAX_PAUSE_MS })); // the broker's own log tells the operator
      }
      // Another process may have raised the generation: nothing is settled then.
      if (lineage !== undefined && !isFinal(lineage, policy)) await pause(STEP_PAUSE_MS);
      // A channel that was lost altogether gets a state when its interest is renewed.
      if (lineage === undefined) await pause(backoffMs(attempt, { maxMs: MAX_PAUSE_MS }));
    }
    return undefined;
  }

  /** @param path epochs that the reader has gone through, oldest first: where the channel doesn't know the last one, it goes on after one before it */
  async step(owner: EpochOwner, at: Position, lineage: Lineage, path: readonly string[]): Promise<EpochStep> {
    const end = endOf(lineage, at.epoch);
    if (end === undefined) return await this.#stepFromUnknown(owner, at, lineage, path);
    const to = { epoch: epochAfter(lineage, at.epoch)!, seq: 0 };
    if (at.seq < end.lastSeq) {
      const rest = await readEnded(
        { broker: this.#deps.broker, gateway: this.#deps.feed.gateway },
        { channel: owner.key, policy: owner.policy, epoch: at.epoch, from: at.seq + 1, to: end.lastSeq },
      );
      if ('entries' in rest || rest.reason === 'history-unavailable') return rest as EpochStep;
      return { to, reason: end.isLossy ? 'epoch-changed' : rest.reason };
    }
    return end.isLossy || at.seq > end.lastSeq ? { to, reason: 'epoch-changed' } : { to };
  }

  /** The broker has forgotten this epoch. The database may have the rest of it, and others that followed. */
  async #stepFromUnknown(
    { key, policy }: EpochOwner,
    at: Position,
    lineage: Lineage,
    path: readonly string[],
  ): Promise<EpochStep> {
    const { broker, feed } = this.#deps;
    const next = nextKnown(lineage, at.epoch, path);
    const stored = await readStoredAfter(
      { broker, gateway: feed.gateway },
      { channel: key, position: at, policy },
    );
    if (stored === undefined) return { reason: 'history-unavailable' };
    const own = stored.filter(({ epoch }) => epoch === at.epoch);
    if (own[0]?.seq === at.seq + 1) return { entries: contiguous(own, at.seq + 1) };
    const between = stored.find(
      ({ epoch }) => epoch !== at.epoch && epoch < next && endOf(lineage, epoch) === undefined,
    );
    return { to: { epoch: between?.epoch ?? next, seq: 0 }, reason: 'epoch-changed' };
  }
}

/** Has the database said what it has of the earlier epochs, or has somebody gone on after them? */
export function isFinal(
  { before, isSettled }: Lineage,
  { durable }: Pick<NamespacePolicy, 'durable'>,
): boolean {
  // Nothing is named: the database may know epochs that the broker has forgotten altogether.
  if (!durable || (isSettled === false && before.length === 0)) return !durable;
  return before.every((ended) => ended.isFinal);
}

/** The epoch of this line that follows one which isn't in it. */
function nextKnown(lineage: Lineage, epoch: string, path: readonly string[]): string {
  const common = path.findLast((passed) => endOf(lineage, passed) !== undefined);
  if (common !== undefined) return epochAfter(lineage, common)!;
  return lineage.before.find((ended) => ended.epoch > epoch)?.epoch ?? lineage.epoch;
}
