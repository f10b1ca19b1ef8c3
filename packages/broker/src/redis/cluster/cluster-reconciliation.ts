import type { Lineage } from '../../lineage.ts';
import type { ChannelKey, PartitionId } from '../../ports.ts';
import type { LostMessage, Reconciliation, StoredTail, UnsettledPartition } from '../../reconciliation.ts';
import type { Parts } from './parts.ts';

/** Parts count their one partition as 0. */
const LOCAL = 0;

/** The reconciliations of all parts as one. Partitions that are away come later. */
export class ClusterReconciliation implements Reconciliation {
  readonly #parts: Parts;
  readonly #partitionOf: (channel: ChannelKey) => PartitionId;

  constructor(parts: Parts, partitionOf: (channel: ChannelKey) => PartitionId) {
    this.#parts = parts;
    this.#partitionOf = partitionOf;
  }

  unsettled(): Promise<readonly UnsettledPartition[]> {
    return this.#gather((reconciliation) => reconciliation.unsettled());
  }

  generations(): Promise<readonly UnsettledPartition[]> {
    return this.#gather((reconciliation) => reconciliation.generations());
  }

  states(partition: PartitionId, channels: readonly ChannelKey[]): Promise<readonly (Lineage | undefined)[]> {
    return this.#of(partition).states(LOCAL, channels);
  }

  async news(timeoutMs: number): Promise<void> {
    await Promise.race(this.#parts.all.map(({ reconciliation }) => reconciliation.news(timeoutMs)));
  }

  extend(partition: UnsettledPartition, tail: StoredTail): Promise<number | undefined> {
    return this.#of(partition.partition).extend({ ...partition, partition: LOCAL }, tail);
  }

  settle(partition: UnsettledPartition, hasLoss: boolean): Promise<boolean> {
    return this.#of(partition.partition).settle({ ...partition, partition: LOCAL }, hasLoss);
  }

  async republish(messages: readonly LostMessage[]): Promise<number> {
    let refused = 0;
    for (const [partition, some] of Map.groupBy(messages, ({ channel }) => this.#partitionOf(channel)))
      refused += await this.#of(partition).republish(some);
    return refused;
  }

  #of(partition: PartitionId): Reconciliation {
    return this.#parts.of(partition).reconciliation;
  }

  async #gather(
    ask: (reconciliation: Reconciliation) => Promise<readonly UnsettledPartition[]>,
  ): Promise<readonly UnsettledPartition[]> {
    const all = await this.#parts.each((part, partition) =>
      this.#parts.orUndefined(partition, 'asking for generations', ask(part.reconciliation)),
    );
    return all.flatMap((found, partition) => (found ?? []).map((one) => ({ ...one, partition })));
  }
}
