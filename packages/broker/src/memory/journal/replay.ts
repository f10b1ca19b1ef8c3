import type { Position } from '@carillon/protocol';
import type { ChannelKey, LogEntry } from '../../ports.ts';
import type { ChannelState } from '../channel-state.ts';
import { addEnded, findEnded } from '../ended-states.ts';
import { HistoryBuffer } from '../history-buffer.ts';
import { KnownPlaces } from '../known-places.ts';
import type { MemoryAcks } from '../memory-acks.ts';
import type { MemoryState } from '../memory-state.ts';
import type { ChannelEntry, HistoryEntryEntry, JournalEntry, MessageEntry } from './journal-entry.ts';

/**
 * Makes the state that a journal tells of. Entries may tell of what the state has already, because a snapshot is read while the state
 * changes: a message up to the channel's seq changes nothing.
 */
export class Replay {
  readonly #state: MemoryState;
  readonly #acks: MemoryAcks;
  readonly #uncommitted = new Map<number, Omit<LogEntry, 'entryId'>>();
  #nextLog = 1;
  #keptUpToMs = 0;
  #emptySinceMs: number | undefined;

  constructor(state: MemoryState, acks: MemoryAcks) {
    this.#state = state;
    this.#acks = acks;
  }

  readonly apply = (entry: JournalEntry, text: string): void => {
    switch (entry.type) {
      case 'channel':
        this.#channel(entry);
        break;
      case 'message':
        this.#message(entry, text);
        break;
      case 'history':
        this.#history(entry, text);
        break;
      case 'dedupe':
        this.#state.find(entry.channel)?.dedupe.restore(entry);
        break;
      case 'log':
        this.#log(entry.log, entry.channel, entry, text, entry.former);
        break;
      case 'stored':
        for (const log of entry.logs) this.#uncommitted.delete(log);
        break;
      case 'told': {
        const channel = this.#state.find(entry.channel);
        if (channel !== undefined) channel.told = Math.max(channel.told, entry.told);
        break;
      }
      case 'ack': {
        const { consumer, epoch, seq, atMs } = entry;
        this.#acks.restore(entry.channel, { consumer, epoch, seq, atMs });
        break;
      }
      case 'end':
        this.#nextLog = Math.max(this.#nextLog, entry.nextLog);
        break;
      default:
        this.#generations(entry);
    }
  };

  /** Everything that was accepted until then is there, in milliseconds since 1970; 0: nothing is. */
  get keptUpToMs(): number {
    return this.#keptUpToMs;
  }

  /** Since then no message of any channel was forgotten without a trace; `undefined`: not known. */
  get emptySinceMs(): number | undefined {
    return this.#emptySinceMs;
  }

  /** After the last entry. */
  finish(): void {
    this.#state.log.restore(this.#uncommitted, this.#nextLog);
  }

  #generations(entry: JournalEntry): void {
    switch (entry.type) {
      case 'start':
        this.#keptUpToMs = entry.atMs;
        this.#emptySinceMs = entry.emptySinceMs;
        break;
      case 'closed':
      case 'synced':
        break;
      case 'generation':
        this.#state.generation.restore(entry);
        break;
      case 'raised':
        this.#state.raise(entry);
        break;
      case 'settled':
        this.#state.generation.settle(entry.partition, entry.hasLoss);
        break;
      case 'sealed':
        this.#state.seal(entry.channel);
        break;
      case 'extended':
        this.#state.extend(entry);
        break;
      case 'places':
        for (const [id, place] of entry.places) this.#places(entry.channel)?.restore(id, place);
        break;
      default:
        throw new Error(`an entry of a type that this version doesn't know: ${JSON.stringify(entry)}`);
    }
  }

  #channel({ channel: key, epoch, seq, atMs, told = 0, ended = [] }: ChannelEntry): void {
    const channel = this.#state.adopt(key, { epoch, seq }, atMs);
    channel.told = Math.max(channel.told, told);
    this.#keptUpToMs = Math.max(this.#keptUpToMs, atMs);
    for (const one of ended)
      if (findEnded(channel, one.epoch) === undefined)
        addEnded(channel, { ...one, history: new HistoryBuffer() });
  }

  #history({ channel: key, epoch, seq, expiresAtMs }: HistoryEntryEntry, record: string): void {
    const channel = this.#state.find(key);
    if (channel === undefined) return;
    const history = epoch === undefined ? channel.history : findEnded(channel, epoch)?.history;
    history?.restore({ epoch: epoch ?? channel.epoch, seq, record }, expiresAtMs);
  }

  #places(key: ChannelKey): KnownPlaces | undefined {
    const channel = this.#state.find(key);
    if (channel !== undefined) channel.places ??= new KnownPlaces();
    return channel?.places;
  }

  #message(entry: MessageEntry, record: string): void {
    const { channel: key, epoch, seq, atMs, log, former, id } = entry;
    const channel = this.#state.adopt(key, { epoch, seq: seq - 1 }, atMs);
    this.#keptUpToMs = atMs;
    if (seq > channel.seq) this.#accept(channel, entry, record);
    if (log !== undefined) this.#log(log, key, { epoch, seq }, record, former);
    if (former !== undefined) this.#places(key)?.note(id, { epoch, seq }, atMs);
  }

  #accept(
    channel: ChannelState,
    { epoch, seq, id, atMs, history, dedupe }: MessageEntry,
    record: string,
  ): void {
    channel.seq = seq;
    channel.usedAtMs = Math.max(channel.usedAtMs, atMs);
    if (history !== undefined) channel.history.append({ epoch, seq, record }, history, atMs);
    if (dedupe === undefined) return;
    const outcome = { status: 'accepted', epoch, seq, id, duplicate: false } as const;
    channel.dedupe.remember(dedupe, outcome, this.#state.limits.producerWindow, atMs);
  }

  #log(
    number: number,
    channel: ChannelKey,
    { epoch, seq }: Position,
    record: string,
    former: Position | undefined,
  ): void {
    const partition = this.#state.partitionOf(channel);
    this.#uncommitted.set(number, {
      partition,
      channel,
      epoch,
      seq,
      record,
      storedTo: undefined,
      former,
      marker: false,
    });
    this.#nextLog = Math.max(this.#nextLog, number + 1);
  }
}
