import type { Logger } from '@carillon/telemetry';
import type { LogEntry, PersistenceLog } from '../../ports.ts';
import { allEnded, type Parts } from './parts.ts';
import { PendingReads } from './pending-reads.ts';

/** Parts count their one partition as 0. */
const LOCAL = 0;

type Backlog = Awaited<ReturnType<PersistenceLog['backlog']>>[number];

/** The logs of all parts as one. */
export class ClusterLog implements PersistenceLog {
  readonly #parts: Parts;
  readonly #reads: PendingReads<string, LogEntry>;

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts;
    this.#reads = new PendingReads(logger);
  }

  async read(
    consumer: string,
    options: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly LogEntry[]> {
    const sources = this.#parts.all.map(
      ({ log }, partition) =>
        [
          `${consumer} ${partition}`,
          {
            partition,
            read: async () => (await log.read(consumer, options)).map((entry) => ({ ...entry, partition })),
          },
        ] as const,
    );
    return await this.#reads.take(new Map(sources), options.blockMs);
  }

  async claim(
    consumer: string,
    { minIdleMs, count }: { readonly minIdleMs: number; readonly count: number },
  ): Promise<readonly LogEntry[]> {
    const claimed: LogEntry[] = [];
    for (const [partition, { log }] of this.#parts.all.entries()) {
      if (claimed.length >= count) break;
      const claiming = log.claim(consumer, { minIdleMs, count: count - claimed.length });
      // Entries claimed by a late answer stay uncommitted, and are claimed again.
      const entries = await this.#parts.orUndefined(partition, 'taking over what others left', claiming);
      for (const entry of entries ?? []) claimed.push({ ...entry, partition });
    }
    return claimed;
  }

  async commit(entries: readonly LogEntry[]): Promise<void> {
    const byPartition = Map.groupBy(entries, ({ partition }) => partition);
    await allEnded(
      [...byPartition].map(([partition, list]) =>
        this.#parts.of(partition).log.commit(list.map((entry) => ({ ...entry, partition: LOCAL }))),
      ),
    );
  }

  async tellOccupancy(): Promise<void> {
    await this.#parts.each(({ log }) => log.tellOccupancy());
  }

  /** Without the partitions that are away. */
  async backlog(): Promise<readonly Backlog[]> {
    const all = await this.#parts.each((part, partition) =>
      this.#parts.orUndefined(partition, 'asking for the backlog of the log', part.log.backlog()),
    );
    return all.flatMap((backlog, partition) => (backlog ?? []).map((one) => ({ ...one, partition })));
  }
}
