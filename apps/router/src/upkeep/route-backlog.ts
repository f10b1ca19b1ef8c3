import type { RouterPort } from '@carillon/broker';
import type { HeldLeases } from '../leases/held-leases.ts';
import type { OwnerlessPartitions } from '../leases/ownerless-partitions.ts';

/** How much waits in the route streams, for the metric. */
export class RouteBacklog {
  readonly #port: RouterPort;
  readonly #held: HeldLeases;
  readonly #ownerless: OwnerlessPartitions;
  #entries: readonly (number | undefined)[] = [];

  constructor(port: RouterPort, held: HeldLeases, ownerless: OwnerlessPartitions) {
    this.#port = port;
    this.#held = held;
    this.#ownerless = ownerless;
  }

  async update(): Promise<void> {
    this.#entries = await this.#port.backlog();
  }

  /** Of the partitions this router answers for, and of those that nobody does; none of those that are away. */
  samples(): readonly (readonly [readonly string[], number])[] {
    const held = new Set(this.#held.leases().map(({ partition }) => partition));
    return this.#entries.flatMap((entries, partition) =>
      entries !== undefined && (held.has(partition) || this.#ownerless.has(partition))
        ? [[[String(partition)], entries] as const]
        : [],
    );
  }
}
