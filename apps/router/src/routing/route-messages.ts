import type { Lease, RouteEntry } from '@carillon/broker';
import type { Counter, Logger } from '@carillon/telemetry';
import type { HeldLeases } from '../leases/held-leases.ts';
import { type RouteBatchDependencies, routeBatch } from './route-batch.ts';

/** Entries taken per read, over all partitions; with messages at their usual limit of 64 KiB that is 64 MiB at worst. */
const READ_COUNT = 1024;
/** How long a read waits: a partition that was gained meanwhile waits as long. */
const BLOCK_MS = 250;

export interface RouteMessagesDependencies extends RouteBatchDependencies {
  readonly held: HeldLeases;
  readonly fenced: Counter;
  readonly logger: Logger;
}

/** Reads the route streams of the held partitions and carries their messages to the gateways that want them. */
export class MessageRouter {
  readonly #deps: RouteMessagesDependencies;

  constructor(deps: RouteMessagesDependencies) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal, progress: () => void): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.held.untilAny(signal);
      const leases = this.#deps.held.leases();
      if (leases.length === 0) continue;
      const entries = await unlessAborted(this.#read(leases), signal);
      await this.#routeAll(leases, entries);
      progress();
    }
  }

  async #read(leases: readonly Lease[]): Promise<readonly RouteEntry[]> {
    const count = Math.max(1, Math.floor(READ_COUNT / leases.length));
    return await this.#deps.port.read(leases, { count, blockMs: BLOCK_MS });
  }

  async #routeAll(leases: readonly Lease[], entries: readonly RouteEntry[]): Promise<void> {
    const byPartition = Map.groupBy(entries, ({ partition }) => partition);
    const routed = await Promise.allSettled(
      leases.map(async (lease) => {
        const batch = byPartition.get(lease.partition);
        if (batch !== undefined) await this.#routeOne(lease, batch);
      }),
    );
    for (const result of routed) if (result.status === 'rejected') throw result.reason;
  }

  async #routeOne(lease: Lease, batch: readonly RouteEntry[]): Promise<void> {
    const { held, fenced, logger } = this.#deps;
    try {
      await held.use(lease, async (partition) => {
        if (await routeBatch(partition, batch, this.#deps)) return;
        fenced.add();
        held.lose(lease);
        logger.warn({ partition: lease.partition }, 'fenced off: another router holds this partition now');
      });
    } catch (error) {
      // The next read would go on behind the batch. A new lease begins at the cursor, so the batch comes again.
      held.lose(lease);
      throw error;
    }
  }
}

/** A read that still waits when the router stops is left alone: what it brings isn't committed, so the successor gets it. */
async function unlessAborted(
  reading: Promise<readonly RouteEntry[]>,
  signal: AbortSignal,
): Promise<readonly RouteEntry[]> {
  // A promise of its own for each read: one that outlives them all would keep something of each.
  const { promise: aborted, resolve } = Promise.withResolvers<readonly RouteEntry[]>();
  const onAbort = (): void => resolve([]);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([reading, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
