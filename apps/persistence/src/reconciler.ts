import type { Broker, ChannelKey, Lineage, Reconciliation, UnsettledPartition } from '@carillon/broker';
import { namedEnd } from '@carillon/broker';
import type { NamespaceResolver } from '@carillon/config';
import {
  type Database,
  deleteMoved,
  type MessagePlace,
  type RecentEpoch,
  readTail,
  readTailIds,
  recentEpochs,
} from '@carillon/db';
import { CHANNEL_EVENTS_CHANNEL_PREFIX } from '@carillon/protocol';
import { pause } from '@carillon/service';
import { RepeatedLog, type Telemetry } from '@carillon/telemetry';

/** Longest wait for news of the broker. */
const NEWS_MS = 1000;
/** Messages are stamped by clocks that follow the broker's, a little before they are appended. */
const STAMP_MARGIN_MS = 60_000;
/** A broker that has nothing left: how far back the database is asked for what was published last. */
const LOOK_BACK_MS = 600_000;
/** After the comparison: what was under way then, or is stored by a worker that still reads from a replaced broker, shows later. */
const LOOKS_AGAIN_AFTER_MS = [1000, 3000, 10_000, 30_000, 120_000, 600_000];
/** Messages of an epoch read at a time. */
const PAGE = 1000;
/** Channels of a partition compared at the same time. */
const CHANNELS_AT_ONCE = 4;
/** Ids of one epoch that repeats are recognised by. */
const MAX_IDS = 20_000;

export interface ReconcilerDependencies {
  readonly broker: Pick<Broker, 'partitionOf' | 'nowMs'> & { readonly reconciliation: Reconciliation };
  readonly database: Database;
  readonly namespaces: NamespaceResolver;
  readonly telemetry: Telemetry;
}

/** Another look at a partition that was compared. */
interface Look {
  readonly partition: UnsettledPartition;
  readonly atMs: number;
}

/** An epoch in the database, and where its channel is in the broker. */
interface Found {
  readonly key: ChannelKey;
  readonly stored: RecentEpoch;
  readonly lineage: Lineage | undefined;
}

/**
 * Compares the database with a broker that came back as another process: what is stored behind the end of an epoch belongs to it, as long as nobody has
 * gone on; what comes to be stored there later is published again. docs/architecture/redis-loss.md tells the whole story.
 */
export class Reconciler {
  readonly #deps: ReconcilerDependencies;
  readonly #log: RepeatedLog;
  /** By partition: the generation that looks are planned for. */
  readonly #planned = new Map<number, string>();
  /** At most one per partition and pause. */
  #looks: readonly Look[] = [];

  constructor(deps: ReconcilerDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.telemetry.loggerOf('persistence'));
  }

  /** Compares until `signal` aborts. Rejects when the broker or the database is away: to be called again. */
  readonly run = async (signal: AbortSignal, progress: () => void): Promise<void> => {
    while (!signal.aborted) {
      await this.round();
      progress();
      const nextMs = Math.min(...this.#looks.map(({ atMs }) => atMs - performance.now()), NEWS_MS);
      await Promise.race([
        this.#deps.broker.reconciliation.news(NEWS_MS),
        pause(Math.max(20, nextMs), signal),
      ]);
    }
  };

  /** Settles the partitions that are unsettled now, and plans those with a new generation. */
  async round(): Promise<void> {
    const { reconciliation } = this.#deps.broker;
    // Nobody publishes on durable channels until this is done.
    await Promise.all((await reconciliation.unsettled()).map((partition) => this.#settle(partition)));
    for (const partition of await reconciliation.generations()) this.#plan(partition);
    const nowMs = performance.now();
    for (const look of this.#looks.filter(({ atMs }) => atMs <= nowMs)) {
      await this.#lookAgain(look.partition);
      this.#looks = this.#looks.filter((other) => other !== look);
    }
  }

  #plan(partition: UnsettledPartition): void {
    if (this.#planned.get(partition.partition) === partition.generation) return;
    this.#planned.set(partition.partition, partition.generation);
    const nowMs = performance.now();
    // A worker that starts later has nothing to do with what was long ago.
    const ageMs = Math.max(0, this.#deps.broker.nowMs() - partition.raisedAtMs);
    this.#looks = [
      ...this.#looks.filter((look) => look.partition.partition !== partition.partition),
      ...LOOKS_AGAIN_AFTER_MS.filter((ms) => ms > ageMs).map((ms) => ({
        partition,
        atMs: nowMs + ms - ageMs,
      })),
    ];
  }

  async #settle(partition: UnsettledPartition): Promise<void> {
    let extended = 0;
    const byChannel = [...Map.groupBy(await this.#behindEnds(partition), ({ key }) => key).values()];
    for (let at = 0; at < byChannel.length; at += CHANNELS_AT_ONCE) {
      const some = byChannel.slice(at, at + CHANNELS_AT_ONCE);
      for (const count of await Promise.all(some.map((of) => this.#extendAll(partition, of))))
        extended += count;
    }
    const isSettled = await this.#deps.broker.reconciliation.settle(partition, extended > 0);
    if (isSettled && extended > 0)
      this.#deps.telemetry
        .loggerOf('persistence')
        .warn(
          { partition: partition.partition, messages: extended },
          'the database has messages that the broker lost: their epochs end with them',
        );
  }

  /** Epochs that have more in the database than in the broker. */
  async #behindEnds(partition: UnsettledPartition): Promise<readonly Found[]> {
    const { broker, database } = this.#deps;
    const { keptUpToMs } = partition;
    const sinceMs = keptUpToMs > 0 ? keptUpToMs - STAMP_MARGIN_MS : broker.nowMs() - LOOK_BACK_MS;
    const recent = (await recentEpochs(database, sinceMs)).filter(
      (stored) =>
        broker.partitionOf(keyOf(stored)) === partition.partition &&
        // Messages of channel-event channels come from the broker itself: their positions can't be given twice.
        !stored.channel.startsWith(CHANNEL_EVENTS_CHANNEL_PREFIX),
    );
    const keys = [...new Set(recent.map(keyOf))];
    const lineages = await broker.reconciliation.states(partition.partition, keys);
    const byKey = new Map(keys.map((key, i) => [key, lineages[i]]));
    return recent
      .map((stored) => ({ stored, key: keyOf(stored), lineage: byKey.get(keyOf(stored)) }))
      .filter(({ stored, lineage }) => {
        if (lineage?.epoch === stored.epoch) return false;
        // The state of the channel was kept for its time, and is gone with it; or it began in the time that is lost.
        if (lineage === undefined && keptUpToMs > 0 && stored.firstSeq > 1) return false;
        const end = lineage && namedEnd(lineage, stored.epoch);
        return end === undefined || stored.lastSeq > end.lastSeq;
      });
  }

  async #extendAll(partition: UnsettledPartition, epochs: readonly Found[]): Promise<number> {
    let extended = 0;
    for (const found of epochs) extended += await this.#extend(partition, found);
    return extended;
  }

  /** @returns how many messages the epoch has now that it did not have */
  async #extend(partition: UnsettledPartition, { key, stored, lineage }: Found): Promise<number> {
    const from = (lineage && namedEnd(lineage, stored.epoch)?.lastSeq) ?? stored.firstSeq - 1;
    const messages: { readonly id: string; readonly seq: number }[] = [];
    for (let at = from; ; ) {
      const page = await readTailIds(this.#deps.database, { ...stored, seq: at }, PAGE);
      for (const { id, seq } of page) {
        if (seq !== at + 1) break;
        messages.push({ id, seq });
        at = seq;
      }
      if (page.length < PAGE || at !== page.at(-1)!.seq) break;
    }
    if (messages.length === 0) return 0;
    const end = await this.#deps.broker.reconciliation.extend(partition, {
      channel: key,
      epoch: stored.epoch,
      messages: messages.slice(-MAX_IDS),
    });
    return Math.max(0, (end ?? from) - from);
  }

  /** Publishes again what was stored behind the end of an epoch after the end had become final. */
  async #lookAgain(partition: UnsettledPartition): Promise<void> {
    let refused = 0;
    let published = 0;
    for (const found of await this.#behindEnds(partition)) {
      // An epoch that the channel doesn't know may be of any age.
      if (isUnknown(found)) continue;
      const outcome = await this.#republish(found);
      refused += outcome.refused;
      published += outcome.published;
    }
    if (published > 0)
      this.#log.warn(
        { partition: partition.partition, published },
        'messages were stored in epochs that had ended: they are published again',
      );
    if (refused > 0) this.#looks = [...this.#looks, { partition, atMs: performance.now() + NEWS_MS }];
  }

  async #republish({
    key,
    stored,
    lineage,
  }: Found): Promise<{ readonly published: number; readonly refused: number }> {
    const { database, broker, namespaces } = this.#deps;
    if (lineage === undefined) return { published: 0, refused: 0 };
    const after = namedEnd(lineage, stored.epoch)?.lastSeq ?? stored.firstSeq - 1;
    const place: MessagePlace = { ...stored, seq: after };
    await deleteMoved(database, place);
    const keeping = namespaces.resolve(stored.channel);
    let published = 0;
    let refused = 0;
    for (let at = after; ; ) {
      const page = await readTail(database, { ...place, seq: at }, PAGE);
      if (page.length === 0) break;
      refused += await broker.reconciliation.republish(
        page.map(({ id, seq, record }) => ({
          channel: key,
          id,
          record,
          keeping,
          former: { epoch: stored.epoch, seq },
        })),
      );
      published += page.length;
      at = page.at(-1)!.seq;
    }
    return { published: published - refused, refused };
  }
}

function isUnknown({ lineage, stored }: Found): boolean {
  return lineage === undefined || namedEnd(lineage, stored.epoch) === undefined;
}

function keyOf({ app, channel }: RecentEpoch): ChannelKey {
  return `${app}/${channel}`;
}
