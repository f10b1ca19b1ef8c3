import { createHash } from 'node:crypto';
import { CHANNEL_EVENTS_CHANNEL_PREFIX, encodeRecord, type Position } from '@carillon/protocol';
import { type Lineage, soleEpoch } from '../lineage.ts';
import { partitionOf } from '../partition.ts';
import type { BrokerLimits, ChannelKey, PartitionId } from '../ports.ts';
import { type ChannelState, newChannel } from './channel-state.ts';
import type { FeedItem, FeedQueue } from './feed-queue.ts';
import { type Journal, NO_JOURNAL } from './journal/journal.ts';
import { MemoryLog } from './memory-log.ts';
import { RouteStream } from './route-stream.ts';
import { WakeUp } from './wake-up.ts';

const OCCUPANCY_TOLD_FOR_MS = 86_400_000;

/** What the parts of the memory broker share. */
export class MemoryState {
  readonly limits: BrokerLimits;
  readonly partitions: number;
  readonly log: MemoryLog;
  readonly journal: Journal;
  readonly routes: readonly RouteStream[];
  /** Something was appended to a route stream. One for all: there is one router in the process. */
  readonly routed = new WakeUp();
  readonly feeds = new Map<string, FeedQueue>();
  readonly #channels = new Map<ChannelKey, ChannelState>();
  /** What was before it may be forgotten. */
  readonly #startedAtMs = Date.now() - 1;
  #stopped = false;
  #tellsOccupancyUntilMs = 0;

  constructor(partitions: number, limits: BrokerLimits, journal: Journal = NO_JOURNAL) {
    this.journal = journal;
    this.partitions = partitions;
    this.limits = limits;
    this.log = new MemoryLog(
      partitions,
      (gateway, channel, { epoch, seq }) => this.tell(gateway, { kind: 'stored', channel, epoch, seq }),
      () => {
        this.#tellsOccupancyUntilMs = Date.now() + OCCUPANCY_TOLD_FOR_MS;
      },
      journal,
    );
    // A partition's route takes as much as its log: both grow when nobody reads.
    this.routes = Array.from(
      { length: partitions },
      () => new RouteStream(limits.logMaxEntries, () => this.routed.notify()),
    );
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends all waits; nothing is accepted any more. */
  stop(): void {
    this.#stopped = true;
    this.routed.close();
    this.log.close();
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
    const known = this.find(channel);
    if (known !== undefined) return known;
    const state = newChannel(channel, nowMs);
    this.#channels.set(channel, state);
    this.journal.append({ type: 'channel', channel, epoch: state.epoch, seq: 0, atMs: nowMs });
    return state;
  }

  channels(): Iterable<ChannelState> {
    return this.#channels.values();
  }

  lineageOf({ epoch, seq }: ChannelState): Lineage {
    const emptySinceMs = Math.max(this.#startedAtMs, Date.now() - this.limits.channelIdleTtlMs);
    return soleEpoch(epoch, seq, emptySinceMs);
  }

  /** Whoever subscribes to names and leaves them leaves nothing behind: a channel without messages has nothing to keep. */
  forgetIfEmpty({ key, seq, told, interest, lastRouted }: ChannelState): void {
    if (interest.size === 0 && seq === 0 && told % 2 === 0 && lastRouted === undefined) this.#forget(key);
  }

  tell(gateway: string, item: FeedItem): void {
    this.feeds.get(gateway)?.push(item);
  }

  /** Tells the log whether anybody wants a channel, when that is news and somebody takes note. Channels of the system are nobody's business. */
  tellOccupancy(channel: ChannelState): void {
    const isOccupied = channel.interest.size > 0;
    if (isOccupied === (channel.told % 2 === 1) || Date.now() > this.#tellsOccupancyUntilMs) return;
    const slash = channel.key.indexOf('/');
    const [app, name] = [channel.key.slice(0, slash), channel.key.slice(slash + 1)];
    if (name.startsWith('#') || this.log.size >= this.limits.logMaxEntries) return;
    const { epoch } = channel;
    const seq = ++channel.told;
    const key: ChannelKey = `${app}/${CHANNEL_EVENTS_CHANNEL_PREFIX}${name}`;
    const id = `o-${createHash('sha1').update(`${key}\n${epoch}:${seq}`).digest('hex')}`;
    const occurredAt = Date.now();
    const header = { id, timestamp: occurredAt, event: isOccupied ? 'channel.occupied' : 'channel.vacated' };
    const record = encodeRecord(header, JSON.stringify({ name, occurredAt }));
    const partition = this.partitionOf(channel.key);
    const entry = { partition, channel: key, epoch, seq, record, storedTo: undefined, marker: false };
    const log = this.log.append(entry);
    this.journal.append({ type: 'log', log, channel: key, epoch, seq }, record);
    this.journal.append({ type: 'told', channel: channel.key, told: seq });
  }

  /** Puts a channel there as it was at a position; one with another epoch that was there is forgotten. */
  adopt(key: ChannelKey, { epoch, seq }: Position, atMs: number): ChannelState {
    const known = this.#channels.get(key);
    if (known?.epoch === epoch) return known;
    const state = newChannel(key, atMs, { epoch, seq });
    this.#channels.set(key, state);
    return state;
  }

  /** What the journal held up. */
  deliverHeldUp(): void {
    for (const feed of this.feeds.values()) feed.schedule();
  }

  /** Forgets expired producers, history, and channels that nobody wants and nothing is kept of. Tells of those that a crash left occupied. */
  sweep(nowMs: number): void {
    const { producerTtlMs, channelIdleTtlMs } = this.limits;
    for (const channel of this.#channels.values()) {
      const { key, dedupe, history, interest, usedAtMs } = channel;
      dedupe.sweep(producerTtlMs, nowMs);
      history.expire(nowMs);
      this.tellOccupancy(channel);
      const keptUntilMs = Math.max(history.expiresAtMs, usedAtMs + channelIdleTtlMs);
      if (interest.size === 0 && nowMs > keptUntilMs) this.#forget(key);
    }
  }

  #forget(channel: ChannelKey): void {
    this.#channels.delete(channel);
    this.routeOf(channel).wide.delete(channel);
  }
}
