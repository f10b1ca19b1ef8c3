import type { Position } from '@carillon/protocol';
import type { ChannelKey, LogEntry } from '../../ports.ts';
import type { ChannelState } from '../channel-state.ts';
import type { MemoryAcks } from '../memory-acks.ts';
import type { MemoryState } from '../memory-state.ts';
import type { ChannelEntry, JournalEntry, MessageEntry } from './journal-entry.ts';

/**
 * Makes the state that a journal tells of. Entries may tell of what the state has already, because a snapshot is read while the state
 * changes: a message up to the channel's seq changes nothing.
 */
export class Replay {
  readonly #state: MemoryState;
  readonly #acks: MemoryAcks;
  readonly #uncommitted = new Map<number, Omit<LogEntry, 'entryId'>>();
  #nextLog = 1;

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
        this.#state
          .find(entry.channel)
          ?.history.restore(
            { epoch: this.#state.find(entry.channel)!.epoch, seq: entry.seq, record: text },
            entry.expiresAtMs,
          );
        break;
      case 'dedupe':
        this.#state.find(entry.channel)?.dedupe.restore(entry);
        break;
      case 'log':
        this.#log(entry.log, entry.channel, entry, text);
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
        throw new Error(`an entry of a type that this version doesn't know: ${JSON.stringify(entry)}`);
    }
  };

  /** After the last entry. */
  finish(): void {
    this.#state.log.restore(this.#uncommitted, this.#nextLog);
  }

  #channel({ channel: key, epoch, seq, atMs, told = 0 }: ChannelEntry): void {
    const channel = this.#state.adopt(key, { epoch, seq }, atMs);
    channel.told = Math.max(channel.told, told);
  }

  #message(entry: MessageEntry, record: string): void {
    const { channel: key, epoch, seq, atMs, log } = entry;
    const channel = this.#state.adopt(key, { epoch, seq: seq - 1 }, atMs);
    if (seq > channel.seq) this.#accept(channel, entry, record);
    if (log !== undefined) this.#log(log, key, { epoch, seq }, record);
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

  #log(number: number, channel: ChannelKey, { epoch, seq }: Position, record: string): void {
    const partition = this.#state.partitionOf(channel);
    this.#uncommitted.set(number, {
      partition,
      channel,
      epoch,
      seq,
      record,
      storedTo: undefined,
      marker: false,
    });
    this.#nextLog = Math.max(this.#nextLog, number + 1);
  }
}
