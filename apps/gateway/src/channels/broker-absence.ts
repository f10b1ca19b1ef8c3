import type { PartitionId } from '@carillon/broker';

/**
 * Partitions of the broker that this gateway can't reach. On a cluster one node may be away while the channels of the
 * others go on.
 */
export class BrokerAbsence {
  readonly #counts: number[];
  #away: ReadonlySet<PartitionId> = new Set();

  constructor(partitions: number) {
    this.#counts = Array.from({ length: partitions }, () => 0);
  }

  /** @param away when the connection isn't up; default: all */
  turned(up: boolean, away: readonly PartitionId[] = [...this.#counts.keys()]): void {
    const next = new Set(up ? [] : away);
    for (const partition of next) if (!this.#away.has(partition)) this.#counts[partition]!++;
    this.#away = next;
  }

  has(partition: PartitionId): boolean {
    return this.#away.has(partition);
  }

  /** How often it was away. */
  countOf(partition: PartitionId): number {
    return this.#counts[partition]!;
  }
}
