import { createHash } from 'node:crypto';
import { CHANNEL_EVENTS_CHANNEL_PREFIX, encodeRecord, type Position } from '@carillon/protocol';
import { type Lineage, soleEpoch } from '../lineage.ts';
import { partitionOf } from '../partition.ts';
import type { BrokerLimits, ChannelKey, PartitionId } from '../ports.ts';
import { type ChannelState, newChannel } from './channel-state.ts';
import { addEnded, endedEpochs, findEnded, renewChannel } from './ended-states.ts';
import type { FeedItem, FeedQueue } from './feed-queue.ts';
import { HistoryBuffer } from './history-buffer.ts';
import { type Journal, NO_JOURNAL } from './journal/journal.ts';
import type { ExtendedEntry, RaisedEntry } from './journal/journal-entry.ts';
import { KnownPlaces } from './known-places.ts';
import { MemoryGeneration } from './memory-generation.ts';
import { MemoryLog } from './memory-log.ts';
import { RouteStream } from './route-stream.ts';
import { WakeUp } from './wake-up.ts';

const OCCUPANCY_TOLD_FOR_MS = 86_400_000;

/** State shared by the parts of the memory broker. */
export class MemoryState {
  readonly limits: BrokerLimits;
  readonly partitions: number;
  readonly log: MemoryLog;
  readonly journal: Journal;
  readonly routes: readonly RouteStream[];
  /** Something was appended to a route stream. One for all: there is one router in the process. */
  readonly routed = new WakeUp();
  readonly feeds = new Map<string, FeedQueue>();
  readonly generation: MemoryGeneration;
  readonly #channels = new Map<ChannelKey, ChannelState>();
  /** State from before this time may be incomplete; a journal may have more. Wall clock, in milliseconds. */
  emptySinceMs = Date.now() - 1;
  #stopped = false;
  #tellsOccupancyUntilMs = 0;

  constructor(partitions: number, limits: BrokerLimits, journal: Journal = NO_JOURNAL) {
    this.journal = journal;
    this.partitions = partitions;
    this.limits = limits;
    this.generation = new MemoryGeneration(partitions);
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
    this.generation.stop();
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

  /** The channel's state, made when there is none. It gets into the journal with what first happens to it. */
  open(channel: ChannelKey, nowMs: number): ChannelState {
    const known = this.find(channel);
    if (known !== undefined) return known;
    const state = newChannel(channel, nowMs);
    this.#channels.set(channel, state);
    return state;
  }

  channels(): Iterable<ChannelState> {
    return this.#channels.values();
  }

  lineageOf({ key, epoch, seq, ended }: ChannelState): Lineage {
    const emptySinceMs = Math.max(this.emptySinceMs, Date.now() - this.limits.channelIdleTtlMs);
    if (ended.length === 0) return soleEpoch(epoch, seq, emptySinceMs);
    const before = endedEpochs(ended, this.generation.of(this.partitionOf(key)));
    return { epoch, seq, before, emptySinceMs };
  }

  /** Removes a channel without messages: subscribing to many names and leaving them must not use memory. */
  forgetIfEmpty({ key, seq, told, interest, lastRouted, ended }: ChannelState): void {
    if (seq > 0 || ended.length > 0) return;
    if (interest.size === 0 && told % 2 === 0 && lastRouted === undefined) this.#forget(key);
  }

  /** The journal may lack what was accepted last: no position that may have been given is given again. */
  raise({ generation, atMs, keptUpToMs, epoch: made }: RaisedEntry): void {
    for (const channel of this.#channels.values()) {
      const wasSettled = this.generation.of(this.partitionOf(channel.key)).isSettled;
      renewChannel(channel, { made, generation, wasSettled });
    }
    this.generation.raise(generation, atMs, keptUpToMs);
  }

  /** The ends of the channel's earlier epochs are final: somebody goes on after them. */
  seal(key: ChannelKey): void {
    for (const ended of this.find(key)?.ended ?? []) ended.isSealed = true;
  }

  /** An ended epoch has more messages, which the database has. */
  extend({ channel: key, epoch, lastSeq, generation, atMs, present, messages }: ExtendedEntry): void {
    const channel = this.find(key) ?? this.adopt(key, { epoch: present, seq: 0 }, atMs);
    const ended = findEnded(channel, epoch);
    if (ended !== undefined) ended.lastSeq = Math.max(ended.lastSeq, lastSeq);
    else addEnded(channel, { epoch, lastSeq, isSealed: false, generation, history: new HistoryBuffer() });
    channel.places ??= new KnownPlaces();
    for (const { id, seq } of messages) channel.places.note(id, { epoch, seq }, atMs);
  }

  /** Accepted messages of the partition are known to be lost. */
  tellDataLost(partition: PartitionId): void {
    for (const feed of this.feeds.values()) feed.tellDataLost(partition);
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
    const { epoch, usedAtMs } = channel;
    if (channel.told === 0 && channel.seq === 0)
      this.journal.append({ type: 'channel', channel: channel.key, epoch, seq: 0, atMs: usedAtMs });
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

  /** Delivers the records that waited for the journal. */
  deliverHeldUp(): void {
    for (const feed of this.feeds.values()) feed.schedule();
  }

  /** Forgets expired producers, history, and channels that nobody wants and nothing is kept of. Tells of those that a crash left occupied. */
  sweep(nowMs: number): void {
    const { producerTtlMs, channelIdleTtlMs } = this.limits;
    for (const channel of this.#channels.values()) {
      const { key, dedupe, places, interest, usedAtMs } = channel;
      const histories = [channel.history, ...channel.ended.map(({ history }) => history)];
      dedupe.sweep(producerTtlMs, nowMs);
      places?.sweep(nowMs);
      for (const history of histories) history.expire(nowMs);
      this.tellOccupancy(channel);
      const keptUntilMs = Math.max(
        ...histories.map(({ expiresAtMs }) => expiresAtMs),
        usedAtMs + channelIdleTtlMs,
      );
      if (interest.size === 0 && nowMs > keptUntilMs) this.#forget(key);
      else this.forgetIfEmpty(channel);
    }
  }

  #forget(channel: ChannelKey): void {
    this.#channels.delete(channel);
    this.routeOf(channel).wide.delete(channel);
  }
}
