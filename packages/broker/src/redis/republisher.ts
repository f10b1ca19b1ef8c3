import { type Logger, RepeatedLog } from '@carillon/telemetry';
import { countAfter, type Lineage } from '../lineage.ts';
import type { ChannelKey, PartitionId, Publication, PublishOutcome } from '../ports.ts';
import type { GenerationGuard } from './generation-guard.ts';
import type { HeldPublication, RepublishBuffer } from './republish-buffer.ts';

/** Messages in one call: Redis does nothing else meanwhile. */
const BATCH = 100;
const RETRY_MS = 500;
/** Lost messages of namespaces without storage hold up nobody for longer. */
const MAX_ATTEMPTS_AT_ONCE = 3;
/** Positions whose message has moved to another one, for publishers that wait for `stored`. */
const MAX_MOVED = 10_000;
/** Named in the log when they could not be published again. */
const MAX_NAMED = 20;

export interface RepublisherDependencies {
  readonly guard: GenerationGuard;
  readonly logger: Logger;
  readonly heldOf: (partition: PartitionId) => RepublishBuffer;
  /** Brings channels into the present generation. */
  readonly lineages: (
    partition: PartitionId,
    channels: readonly ChannelKey[],
  ) => Promise<readonly (Lineage | undefined)[]>;
  /** Appends in order, although publishing may be closed for everybody else. */
  readonly append: (
    partition: PartitionId,
    publications: readonly Publication[],
    run: string,
  ) => Promise<readonly PublishOutcome[]>;
}

interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/** Publishes again what this process had accepted and Redis has lost. */
export class Republisher {
  readonly #deps: RepublisherDependencies;
  readonly #log: RepeatedLog;
  readonly #moved = new Map<string, Place>();

  constructor(deps: RepublisherDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.logger);
  }

  /** Where the publisher was told that this message is, when that was another place. */
  originalOf(channel: ChannelKey, epoch: string, seq: number): Place | undefined {
    return this.#moved.get(`${channel} ${epoch}:${seq}`);
  }

  /**
   * The partitions have a new generation. Resolves when what the database can't have is published again; the rest follows when the database has
   * said what it has: not knowing is a reason to wait, not to repeat. Never rejects.
   */
  async raised(partitions: readonly PartitionId[], run: string): Promise<void> {
    await Promise.all(partitions.map((partition) => this.#raised(partition, run)));
  }

  async #raised(partition: PartitionId, run: string): Promise<void> {
    const { guard, heldOf } = this.#deps;
    const generation = guard.generationOf(partition)!;
    const held = heldOf(partition).all();
    const lost = await this.#lostAmong(partition, held).catch(() => held);
    const durable = lost.filter(({ publication }) => publication.keeping.durable);
    guard.republishing(partition, durable.length > 0);
    if (durable.length > 0) void this.#whenSettled(partition, generation, run, durable);
    const others = lost.filter(({ publication }) => !publication.keeping.durable);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS_AT_ONCE; attempt++) {
      if (await this.#tryAll(partition, run, others)) return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #whenSettled(
    partition: PartitionId,
    generation: string,
    run: string,
    held: readonly HeldPublication[],
  ): Promise<void> {
    const { guard } = this.#deps;
    const isWanted = (): boolean => guard.generationOf(partition) === generation;
    if (!(await guard.untilSettled(partition, generation))) return;
    while (isWanted() && !(await this.#tryAll(partition, run, held)))
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    if (isWanted()) guard.republishing(partition, false);
  }

  /** @returns whether nothing is left that may be tried again */
  async #tryAll(partition: PartitionId, run: string, held: readonly HeldPublication[]): Promise<boolean> {
    try {
      const lost = await this.#lostAmong(partition, held);
      const refused: HeldPublication[] = [];
      for (let at = 0; at < lost.length; at += BATCH)
        refused.push(...(await this.#publish(partition, run, lost.slice(at, at + BATCH))));
      this.#tell(partition, lost.length, refused);
      return refused.length === 0;
    } catch (error) {
      this.#log.warn({ err: error, partition }, 'could not publish again what Redis had lost; trying again');
      return false;
    }
  }

  async #lostAmong(
    partition: PartitionId,
    held: readonly HeldPublication[],
  ): Promise<readonly HeldPublication[]> {
    const channels = [...new Set(held.map(({ publication }) => publication.channel))];
    if (channels.length === 0) return [];
    const lineages = await this.#deps.lineages(partition, channels);
    const byChannel = new Map(channels.map((channel, i) => [channel, lineages[i]]));
    return held.filter(({ publication, outcome }) => {
      const lineage = byChannel.get(publication.channel);
      return lineage === undefined || countAfter(lineage, outcome) === undefined;
    });
  }

  /** @returns those that were refused */
  async #publish(
    partition: PartitionId,
    run: string,
    lost: readonly HeldPublication[],
  ): Promise<readonly HeldPublication[]> {
    const publications = lost.map(({ publication, outcome: { epoch, seq } }) => ({
      ...publication,
      former: { epoch, seq },
    }));
    const outcomes = await this.#deps.append(partition, publications, run);
    const moved = new Set<HeldPublication>();
    const refused: HeldPublication[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const item = lost[i]!;
      if (outcome.status === 'refused') refused.push(item);
      else if (outcome.epoch !== item.outcome.epoch || outcome.seq !== item.outcome.seq) {
        moved.add(item);
        this.#remember(`${item.publication.channel} ${outcome.epoch}:${outcome.seq}`, item.outcome);
      }
    }
    this.#deps.heldOf(partition).remove(moved);
    return refused;
  }

  #tell(partition: PartitionId, lost: number, refused: readonly HeldPublication[]): void {
    if (lost === 0) return;
    const failed = refused.slice(0, MAX_NAMED).map(({ publication, outcome }) => ({
      channel: publication.channel,
      id: publication.id,
      epoch: outcome.epoch,
      seq: outcome.seq,
    }));
    this.#deps.logger[refused.length > 0 ? 'error' : 'warn'](
      { partition, published: lost - refused.length, refused: refused.length, failed },
      'published again what Redis had lost',
    );
  }

  #remember(place: string, { epoch, seq }: Place): void {
    this.#moved.set(place, { epoch, seq });
    const [oldest] = this.#moved.keys();
    if (this.#moved.size > MAX_MOVED && oldest !== undefined) this.#moved.delete(oldest);
  }
}
