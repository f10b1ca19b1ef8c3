import type { Lineage } from '../../lineage.ts';
import type { ChannelKey, FeedHandler, GatewayFeed, PartitionId, StoredQuestion } from '../../ports.ts';
import { allEnded } from './parts.ts';

/** A gateway's feeds of all parts as one. */
export class ClusterFeed implements GatewayFeed {
  readonly gateway: string;
  readonly #feeds: readonly GatewayFeed[];
  readonly #partitionOf: (channel: ChannelKey) => PartitionId;
  /** Connected only when none is left. */
  readonly #away: Set<PartitionId>;
  /** Was it connected once? Before that nobody is told. */
  #isStarted = false;

  constructor(
    gateway: string,
    feeds: readonly GatewayFeed[],
    partitionOf: (channel: ChannelKey) => PartitionId,
  ) {
    this.gateway = gateway;
    this.#feeds = feeds;
    this.#partitionOf = partitionOf;
    this.#away = new Set(feeds.keys());
  }

  async start(handler: FeedHandler): Promise<void> {
    await Promise.all(this.#feeds.map((feed, partition) => feed.start(this.#handlerOf(partition, handler))));
  }

  async subscribe(channels: readonly ChannelKey[]): Promise<readonly Lineage[]> {
    return await this.#split(channels, (feed, some) => feed.subscribe(some));
  }

  async unsubscribe(channels: readonly ChannelKey[]): Promise<void> {
    await this.#split(channels, async (feed, some) => {
      await feed.unsubscribe(some);
      return some;
    });
  }

  async positions(channels: readonly ChannelKey[]): Promise<readonly (Lineage | undefined)[]> {
    return await this.#split(channels, (feed, some) => feed.positions(some));
  }

  async seal(channels: readonly ChannelKey[]): Promise<void> {
    await this.#split(channels, async (feed, some) => {
      await feed.seal(some);
      return some;
    });
  }

  async askStored(questions: readonly StoredQuestion[]): Promise<void> {
    await allEnded(
      [...Map.groupBy(questions, ({ channel }) => this.#partitionOf(channel))].map(([partition, some]) =>
        this.#feeds[partition]!.askStored(some),
      ),
    );
  }

  untilSettled(channel: ChannelKey, timeoutMs: number): Promise<boolean> {
    return this.#feeds[this.#partitionOf(channel)]!.untilSettled(channel, timeoutMs);
  }

  async stop(): Promise<void> {
    await allEnded(this.#feeds.map((feed) => feed.stop()));
  }

  async #split<T>(
    channels: readonly ChannelKey[],
    call: (feed: GatewayFeed, some: readonly ChannelKey[]) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const answers = new Map<ChannelKey, T>();
    await allEnded(
      [...Map.groupBy(channels, this.#partitionOf)].map(async ([partition, some]) => {
        const replies = await call(this.#feeds[partition]!, some);
        for (const [i, channel] of some.entries()) answers.set(channel, replies[i]!);
      }),
    );
    return channels.map((channel) => answers.get(channel)!);
  }

  #handlerOf(partition: PartitionId, handler: FeedHandler): FeedHandler {
    return {
      onMessage: (channel, epoch, seq, record) => handler.onMessage(channel, epoch, seq, record),
      onStored: (channel, epoch, seq) => handler.onStored(channel, epoch, seq),
      onBatchEnd: () => handler.onBatchEnd(),
      onInterestLost: () => handler.onInterestLost([partition]),
      onDataLost: () => handler.onDataLost([partition]),
      onConnection: (up) => this.#connection(partition, up, handler),
    };
  }

  #connection(partition: PartitionId, up: boolean, handler: FeedHandler): void {
    if (this.#away.has(partition) !== up) return;
    if (up) this.#away.delete(partition);
    else this.#away.add(partition);
    const isUp = this.#away.size === 0;
    this.#isStarted ||= isUp;
    if (!this.#isStarted) return;
    if (isUp || this.#away.size === this.#feeds.length) handler.onConnection(isUp);
    else
      handler.onConnection(
        false,
        [...this.#away].toSorted((a, b) => a - b),
      );
  }
}
