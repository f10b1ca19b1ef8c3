import type { Position } from '@carillon/protocol';
import type { ChannelKey } from './channel-key.ts';
import type { PartitionId } from './partition.ts';

/** What a gateway is told. Called in order, synchronously, in batches that end with `onBatchEnd`. */
export interface FeedHandler {
  onMessage(channel: ChannelKey, epoch: string, seq: number, record: string): void;
  onStored(channel: ChannelKey, epoch: string, seq: number): void;
  onBatchEnd(): void;
  /**
   * Messages of these partitions may have passed by (the connection was away), or interest was lost (this gateway was taken for dead, or
   * the broker lost data): the gateway must subscribe its channels again and heal from the answer.
   */
  onInterestLost(partitions: readonly PartitionId[]): void;
  /**
   * The connection to the broker broke or came back. `up`: to all of its partitions. Where only some are `away` they are named, and it is
   * called again when others are.
   */
  onConnection(up: boolean, away?: readonly PartitionId[]): void;
}

/** A gateway's place in the routing table and its stream of messages. */
export interface GatewayFeed {
  readonly gateway: string;
  /** Registers the gateway in every partition, starts reading and heartbeats. */
  start(handler: FeedHandler): Promise<void>;
  /**
   * Records interest and answers each channel's position of that moment, atomically: messages up to it are history, later
   * ones come through the handler. Creates the channel when it doesn't exist. Idempotent.
   */
  subscribe(channels: readonly ChannelKey[]): Promise<readonly Position[]>;
  unsubscribe(channels: readonly ChannelKey[]): Promise<void>;
  /** Newest positions, for the position heartbeat; `undefined` for a channel without a state. */
  positions(channels: readonly ChannelKey[]): Promise<readonly (Position | undefined)[]>;
  /** Leaves the routing table and stops. */
  stop(): Promise<void>;
}
