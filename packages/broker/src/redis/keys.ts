import type { ChannelKey, PartitionId } from '../ports.ts';

/** The only place that knows how keys are named; the scripts build theirs on the partition base. docs/architecture/design.md has the table. */
export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** All keys of a partition begin with this; the braces keep them on one cluster slot. */
  base(partition: PartitionId): string {
    return `${this.#prefix}:{p${partition}}:`;
  }

  channel(partition: PartitionId, channel: ChannelKey): string {
    return `${this.base(partition)}c:${channel}`;
  }

  history(partition: PartitionId, channel: ChannelKey): string {
    return `${this.base(partition)}h:${channel}`;
  }

  /** Of an epoch that ended because data were lost. */
  endedHistory(partition: PartitionId, channel: ChannelKey, epoch: string): string {
    return `${this.base(partition)}o:${channel}|${epoch}`;
  }

  /** While it is there, the log is told of channels that become occupied or vacated; holds the bound of the log. */
  occupancy(partition: PartitionId): string {
    return `${this.base(partition)}occ`;
  }

  interest(partition: PartitionId, channel: ChannelKey): string {
    return `${this.base(partition)}i:${channel}`;
  }

  feed(partition: PartitionId, gateway: string): string {
    return `${this.base(partition)}g:${gateway}`;
  }

  acks(partition: PartitionId, channel: ChannelKey): string {
    return `${this.base(partition)}a:${channel}`;
  }

  log(partition: PartitionId): string {
    return `${this.base(partition)}log`;
  }

  route(partition: PartitionId): string {
    return `${this.base(partition)}route`;
  }

  cold(partition: PartitionId): string {
    return `${this.base(partition)}cold`;
  }

  lease(partition: PartitionId): string {
    return `${this.base(partition)}lease`;
  }

  /** All keys of request and response begin with this, and lie in one slot. */
  requests(): string {
    return `${this.#prefix}:{rq}:`;
  }

  /** Requests and answers for a node. */
  inbox(node: string): string {
    return `${this.requests()}i:${node}`;
  }

  /** All keys of the control port begin with this, and lie in one slot. */
  control(): string {
    return `${this.#prefix}:{ctl}:`;
  }

  /** How many partitions this installation has. */
  partitions(): string {
    return `${this.#prefix}:partitions`;
  }

  /** Live routers of the whole installation. */
  routers(): string {
    return `${this.#prefix}:routers`;
  }
}

/** Consumer group of the persistence workers, on the log and on questions for stored history. */
export const PERSISTENCE_GROUP = 'persistence';
