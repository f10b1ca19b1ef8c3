import type { Position } from '@carillon/protocol';
import type { ChannelKey } from './channel-key.ts';
import type { Lineage } from './lineage.ts';
import type { PartitionId } from './partition.ts';
import type { StoragePolicy } from './publication.ts';

/** A partition that goes on in another process of the broker, perhaps with less than it had. */
export interface UnsettledPartition {
  readonly partition: PartitionId;
  /** Names the partition's present life; what was found out about another one is not taken. */
  readonly generation: string;
  /** When the newest durable message that the broker still has was appended, in milliseconds since 1970; 0: it has none. */
  readonly keptUpToMs: number;
  /** When this life began, in milliseconds since 1970 by the broker's clock. */
  readonly raisedAtMs: number;
}

/** A stored message of an ended epoch, behind the end that the broker knows. */
export interface StoredTail {
  readonly channel: ChannelKey;
  readonly epoch: string;
  /** Without a hole, the first right behind the end that the channel knows. */
  readonly messages: readonly { readonly id: string; readonly seq: number }[];
}

export interface LostMessage {
  readonly channel: ChannelKey;
  readonly id: string;
  readonly record: string;
  readonly keeping: StoragePolicy;
  /** Where it was accepted. */
  readonly former: Position;
}

/**
 * Compares the database with a broker that came back as another process. Persistence does it, for each partition: what the database has
 * of an epoch behind its end belongs to the epoch, unless somebody has gone on already; then it is published again. Each step may be repeated.
 */
export interface Reconciliation {
  /** Partitions whose ends of epochs are not final yet. */
  unsettled(): Promise<readonly UnsettledPartition[]>;
  /** The generations now, for those who look again later. */
  generations(): Promise<readonly UnsettledPartition[]>;
  /** States of channels of one partition; brings them into the present generation. */
  states(partition: PartitionId, channels: readonly ChannelKey[]): Promise<readonly (Lineage | undefined)[]>;
  /** Resolves when there may be something to compare, at the latest after `timeoutMs`. */
  news(timeoutMs: number): Promise<void>;
  /**
   * The epoch ends after these, unless its end is final. A channel that has forgotten the epoch goes on after it, unless somebody has gone on
   * without it. @returns the last seq of the epoch; `undefined`: the channel goes on without it
   */
  extend(partition: UnsettledPartition, tail: StoredTail): Promise<number | undefined>;
  /** All ends are final now. `hasLoss`: the database has what the broker lost. @returns whether the generation is still the present one */
  settle(partition: UnsettledPartition, hasLoss: boolean): Promise<boolean>;
  /** Publishes messages again that lie behind the final end of their epoch. @returns how many could not be; they may be tried again */
  republish(messages: readonly LostMessage[]): Promise<number>;
}
