import type { Position } from '@carillon/protocol';
import type { ChannelKey } from './channel-key.ts';
import type { Lineage } from './lineage.ts';
import type { PartitionId } from './partition.ts';

/** Callbacks of a gateway's feed. Called in order, synchronously, in batches that end with `onBatchEnd`. */
export interface FeedHandler {
  onMessage(channel: ChannelKey, epoch: string, seq: number, record: string): void;
  onStored(channel: ChannelKey, epoch: string, seq: number): void;
  onBatchEnd(): void;
  /**
   * Messages of these partitions may have passed by (the connection was away), or interest was lost (this gateway was taken for dead, or
   * the broker lost data): the gateway must subscribe its channels again and heal from the answer.
   */
  onInterestLost(partitions: readonly PartitionId[]): void;
  /** Accepted messages of these partitions are known to be lost: the subscribers of their channels have to be told. */
  onDataLost(partitions: readonly PartitionId[]): void;
  /**
   * The connection to the broker broke or came back. `up`: to all of its partitions. Where only some are `away` they are named, and it is
   * called again when others are.
   */
  onConnection(up: boolean, away?: readonly PartitionId[]): void;
}

/** Is this message stored, here or wherever else it was published again? */
export interface StoredQuestion extends Position {
  readonly channel: ChannelKey;
  readonly id: string;
}

/** A gateway's place in the routing table and its stream of messages. */
export interface GatewayFeed {
  readonly gateway: string;
  /** Registers the gateway in every partition, starts reading and heartbeats. */
  start(handler: FeedHandler): Promise<void>;
  /**
   * Records interest and answers each channel's state of that moment, atomically: messages up to it are history, later
   * ones come through the handler. Creates the channel when it doesn't exist. Idempotent.
   */
  subscribe(channels: readonly ChannelKey[]): Promise<readonly Lineage[]>;
  unsubscribe(channels: readonly ChannelKey[]): Promise<void>;
  /** Newest positions, for the position heartbeat; `undefined` for a channel without a state. */
  positions(channels: readonly ChannelKey[]): Promise<readonly (Lineage | undefined)[]>;
  /** Makes the ends of the epochs before the present one final: who can't wait any longer for the database goes on after them. */
  seal(channels: readonly ChannelKey[]): Promise<void>;
  /** Asks persistence again whether messages are stored, after a loss that the first question may be a part of. */
  askStored(questions: readonly StoredQuestion[]): Promise<void>;
  /** Resolves with `true` when the ends of the channel's earlier epochs are final, with `false` after `timeoutMs`. */
  untilSettled(channel: ChannelKey, timeoutMs: number): Promise<boolean>;
  /** Leaves the routing table and stops. */
  stop(): Promise<void>;
}
