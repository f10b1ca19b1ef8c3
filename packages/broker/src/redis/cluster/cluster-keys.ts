import { partitionTag } from '@carillon/redis';
import type { PartitionId } from '../../ports.ts';
import { Keys } from '../keys.ts';

/**
 * The keys of one partition of a cluster, in one slot. What belongs to no partition lies with partition 0, whose tag is the same for every number of
 * partitions.
 */
export class ClusterKeys extends Keys {
  readonly #base: string;

  constructor(prefix: string, partition: PartitionId, partitions: number) {
    super(prefix);
    this.#base = `${prefix}:{${partitionTag(partition, partitions)}}:`;
  }

  override base(_partition: PartitionId): string {
    return this.#base;
  }

  override requests(): string {
    return `${this.#base}rq:`;
  }

  override control(): string {
    return `${this.#base}ctl:`;
  }

  override partitions(): string {
    return `${this.#base}partitions`;
  }

  override routers(): string {
    return `${this.#base}routers`;
  }
}
