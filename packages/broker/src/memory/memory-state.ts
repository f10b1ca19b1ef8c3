import type { Position } from '@carillon/protocol';
import { partitionOf } from '../partition.ts';
import type { BrokerLimits, ChannelKey, PartitionId } from '../ports.ts';
import { type ChannelState, newChannel } from './channel-state.ts';
import type { FeedItem, FeedQueue } from './feed-queue.ts';
import { MemoryLog } from './memory-log.ts';
import { RouteStream } from './route-stream.ts';

/** What the parts of the memory broker share. */
export class MemoryState {
  readonly limits: BrokerLimits;
  readonly partitions: number;
  readonly log: MemoryLog;
  readonly routes: readonly RouteStream[];
  readonly feeds = new Map<string, FeedQueue>();
  readonly #channels = new Map<ChannelKey, ChannelState>();
  /** Positions of a clean stop, waiting for their channel's first use. */
  #restored = new Map<ChannelKey, Position>();

  constructor(partitions: number, limits: BrokerLimits) {
    this.partitions = partitions;
    this.limits = limits;
    this.log = new MemoryLog(partitions, (gateway, channel, { epoch, seq }) =>
      this.tell(gateway, { kind: 'stored', channel, epoch, seq }),
    );
    this.routes = Array.from({ length: partitions }, () => new RouteStream());
  }

  partitionOf(channel: ChannelKey): PartitionId {
    return partitionOf(channel, this.partitions);
  }

  routeOf(channel: ChannelKey): RouteStream {
    return this.routes[this.partitionOf(channel)]!;
  }

  find(channel: ChannelKey): ChannelState | undefined {
    return this.#channels.get(channel);
  }

  /** The channel's state, made when there is none. */
  open(channel: ChannelKey, nowMs: number): ChannelState {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const state = newChannel(channel, nowMs, this.#restored.get(channel));
    this.#restored.delete(channel);
    this.#channels.set(channel, state);
    return state;
  }

  channels(): Iterable<ChannelState> {
    return this.#channels.values();
  }

  tell(gateway: string, item: FeedItem): void {
    this.feeds.get(gateway)?.push(item);
  }

  positions(): readonly (readonly [ChannelKey, Position])[] {
    const open = [...this.#channels.values()].map(({ key, epoch, seq }) => [key, { epoch, seq }] as const);
    return [...this.#restored, ...open];
  }

  restore(positions: readonly (readonly [ChannelKey, Position])[]): void {
    this.#restored = new Map(positions);
  }

  /** Forgets expired producers and channels that nobody wants and nothing is kept of. */
  sweep(nowMs: number): void {
    for (const state of this.#channels.values()) {
      state.dedupe.sweep(this.limits.producerTtlMs, nowMs);
      const keptUntil = Math.max(state.history.expiresAt, state.usedAt + this.limits.channelIdleTtlMs);
      if (state.interest.size === 0 && nowMs > keptUntil) this.#channels.delete(state.key);
    }
  }
}
