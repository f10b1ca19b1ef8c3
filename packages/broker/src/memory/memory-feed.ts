import type { Lineage } from '../lineage.ts';
import type { ChannelKey, FeedHandler, GatewayFeed } from '../ports.ts';
import type { ChannelState } from './channel-state.ts';
import { FeedQueue } from './feed-queue.ts';
import { written } from './journal/written.ts';
import type { MemoryState } from './memory-state.ts';

/** A gateway's place in the routing table. */
export class MemoryFeed implements GatewayFeed {
  readonly gateway: string;
  readonly #state: MemoryState;
  readonly #wanted = new Set<ChannelKey>();

  constructor(gateway: string, state: MemoryState) {
    this.gateway = gateway;
    this.#state = state;
  }

  async start(handler: FeedHandler): Promise<void> {
    const { limits, partitions, journal } = this.#state;
    this.#state.feeds.set(this.gateway, new FeedQueue(handler, limits.feedMaxEntries * partitions, journal));
    handler.onConnection(true);
  }

  async subscribe(channels: readonly ChannelKey[]): Promise<readonly Lineage[]> {
    const nowMs = Date.now();
    const { journal } = this.#state;
    if (journal.problem !== undefined) throw journal.problem;
    const positions = channels.map((key) => {
      const channel = this.#state.open(key, nowMs);
      this.#wanted.add(key);
      if (!channel.interest.has(this.gateway)) {
        channel.interest.add(this.gateway);
        this.#interestChanged(channel);
      }
      this.#state.tellOccupancy(channel);
      return this.#state.lineageOf(channel);
    });
    // After a crash nobody may know a position that the channel is behind of.
    await written(journal);
    return positions;
  }

  async unsubscribe(channels: readonly ChannelKey[]): Promise<void> {
    for (const key of channels) this.#leave(key);
  }

  async positions(channels: readonly ChannelKey[]): Promise<readonly (Lineage | undefined)[]> {
    const positions = channels.map((key) => {
      const channel = this.#state.find(key);
      return channel && this.#state.lineageOf(channel);
    });
    await written(this.#state.journal);
    return positions;
  }

  async seal(channels: readonly ChannelKey[]): Promise<void> {
    const { journal } = this.#state;
    for (const channel of channels) {
      if (this.#state.find(channel)?.ended.every(({ isSealed }) => isSealed) !== false) continue;
      this.#state.seal(channel);
      journal.append({ type: 'sealed', channel });
    }
    await written(journal);
  }

  /** A memory loses no question. */
  async askStored(): Promise<void> {
    // Nothing to do.
  }

  async untilSettled(channel: ChannelKey, timeoutMs: number): Promise<boolean> {
    return await this.#state.generation.untilSettled(this.#state.partitionOf(channel), timeoutMs);
  }

  async stop(): Promise<void> {
    this.#state.feeds.get(this.gateway)?.close();
    this.#state.feeds.delete(this.gateway);
    for (const key of this.#wanted) this.#leave(key);
  }

  #leave(key: ChannelKey): void {
    this.#wanted.delete(key);
    const channel = this.#state.find(key);
    if (channel?.interest.delete(this.gateway) !== true) return;
    channel.usedAtMs = Date.now();
    this.#interestChanged(channel);
    this.#state.tellOccupancy(channel);
    this.#state.forgetIfEmpty(channel);
  }

  /** Passing W makes a channel wide. Only the router makes it narrow again, so that routed and direct messages keep their order. */
  #interestChanged(channel: ChannelState): void {
    const isWide = channel.lastRouted !== undefined;
    if (!isWide && channel.interest.size <= this.#state.limits.directLaneMaxGateways) return;
    const route = this.#state.routeOf(channel.key);
    route.wide.add(channel.key);
    const id = route.append({ kind: 'interest', channel: channel.key });
    if (!isWide) channel.lastRouted = id;
  }
}
