import type { Logger } from '@carillon/telemetry';
import type { ChannelKey, ColdHistory, HistoryEntry, PublishOutcome } from '../ports.ts';
import type { HeldPublication } from './held-publications.ts';

/** Persistence has to find back to Redis, too; publishing is closed for as long. */
const COLD_TIMEOUT_MS = 4000;
const COLD_LIMIT = 1000;
/** Positions whose message has moved to another one, for publishers that wait for `stored`. */
const MAX_MOVED = 10_000;

export interface RepublisherDependencies {
  readonly cold: Pick<ColdHistory, 'ask'>;
  readonly logger: Logger;
  /** Appends in order, although publishing is closed for everybody else. */
  readonly append: (items: readonly HeldPublication[], run: string) => Promise<readonly PublishOutcome[]>;
}

interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/** Publishes again what was accepted and then lost by Redis, unless it has reached Postgres. */
export class Republisher {
  readonly #deps: RepublisherDependencies;
  readonly #moved = new Map<string, Place>();

  constructor(deps: RepublisherDependencies) {
    this.#deps = deps;
  }

  /** Where the publisher was told that this message is, when that was another place. */
  originalOf(channel: ChannelKey, epoch: string, seq: number): Place | undefined {
    return this.#moved.get(`${channel} ${epoch}:${seq}`);
  }

  /** Never rejects: what can't be appended now is as lost as it was before, and said so. */
  async republish(lost: readonly HeldPublication[], gateway: string, run: string): Promise<void> {
    if (lost.length === 0) return;
    const stored = await this.#storedAmong(lost, gateway);
    const missing = lost.filter((item) => !stored.has(item));
    const outcomes = await this.#deps.append(missing, run);
    let failed = 0;
    for (const [i, outcome] of outcomes.entries()) {
      const { publication, outcome: before } = missing[i]!;
      if (outcome.status === 'refused') failed++;
      else this.#remember(`${publication.channel} ${outcome.epoch}:${outcome.seq}`, before);
    }
    this.#deps.logger[failed > 0 ? 'error' : 'warn'](
      { published: missing.length - failed, failed, stored: stored.size },
      'published again what Redis had lost',
    );
  }

  async #storedAmong(lost: readonly HeldPublication[], gateway: string): Promise<Set<HeldPublication>> {
    const durable = lost.filter(({ publication }) => publication.keeping.durable);
    const groups = Map.groupBy(
      durable,
      ({ publication, outcome }) => `${publication.channel} ${outcome.epoch}`,
    );
    const found = new Set<HeldPublication>();
    await Promise.all(
      [...groups.values()].map(async (items) => {
        const seqs = new Set((await this.#ask(items, gateway)).map(({ seq }) => seq));
        for (const item of items) if (seqs.has(item.outcome.seq)) found.add(item);
      }),
    );
    return found;
  }

  async #ask(items: readonly HeldPublication[], gateway: string): Promise<readonly HistoryEntry[]> {
    const [first] = items;
    const seqs = items.map(({ outcome }) => outcome.seq);
    try {
      return await this.#deps.cold.ask(
        gateway,
        {
          kind: 'range',
          channel: first!.publication.channel,
          epoch: first!.outcome.epoch,
          from: Math.min(...seqs),
          to: Math.max(...seqs),
          limit: COLD_LIMIT,
        },
        COLD_TIMEOUT_MS,
      );
    } catch (error) {
      this.#deps.logger.warn(
        { err: error, channel: first!.publication.channel },
        'could not ask what is stored: lost messages are published again in any case',
      );
      return [];
    }
  }

  #remember(place: string, before: Place): void {
    this.#moved.set(place, { epoch: before.epoch, seq: before.seq });
    const [oldest] = this.#moved.keys();
    if (this.#moved.size > MAX_MOVED && oldest !== undefined) this.#moved.delete(oldest);
  }
}
