import { CarillonError, type Position } from '@carillon/protocol';
import { ACK_IDLE_TTL_MS, type AckCursor, type AckCursors, MAX_CONSUMERS } from '../ack-cursors.ts';
import type { ChannelKey } from '../ports.ts';
import { type Journal, NO_JOURNAL } from './journal/journal.ts';
import { written } from './journal/written.ts';

export class MemoryAcks implements AckCursors {
  readonly #channels = new Map<ChannelKey, Map<string, AckCursor>>();
  readonly #journal: Journal;

  constructor(journal: Journal = NO_JOURNAL) {
    this.#journal = journal;
  }

  async open(channel: ChannelKey, consumer: string, initial: Position): Promise<Position> {
    const known = this.#channels.get(channel)?.get(consumer);
    if (known === undefined) this.#set(channel, consumer, initial);
    await written(this.#journal);
    const { epoch, seq } = known ?? initial;
    return { epoch, seq };
  }

  async ack(channel: ChannelKey, consumer: string, position: Position): Promise<void> {
    const known = this.#channels.get(channel)?.get(consumer);
    const isBehind =
      known === undefined ||
      known.epoch < position.epoch ||
      (known.epoch === position.epoch && known.seq < position.seq);
    if (isBehind) this.#set(channel, consumer, position);
    await written(this.#journal);
  }

  async find(channel: ChannelKey, consumer: string): Promise<AckCursor | undefined> {
    return this.#channels.get(channel)?.get(consumer);
  }

  async list(channel: ChannelKey): Promise<readonly AckCursor[]> {
    const cursors = [...(this.#channels.get(channel)?.values() ?? [])];
    await written(this.#journal);
    return cursors;
  }

  *cursors(): Generator<readonly [ChannelKey, AckCursor]> {
    for (const [channel, cursors] of this.#channels)
      for (const cursor of cursors.values()) yield [channel, cursor];
  }

  restore(channel: ChannelKey, cursor: AckCursor): void {
    const cursors = this.#channels.get(channel) ?? new Map<string, AckCursor>();
    cursors.set(cursor.consumer, cursor);
    this.#channels.set(channel, cursors);
  }

  /** Forgets the consumers of channels on which nobody has acknowledged anything for long. */
  sweep(nowMs: number): void {
    for (const [channel, cursors] of this.#channels) {
      const usedAtMs = [...cursors.values()].reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
      if (nowMs > usedAtMs + ACK_IDLE_TTL_MS) this.#channels.delete(channel);
    }
  }

  #set(channel: ChannelKey, consumer: string, { epoch, seq }: Position): void {
    if (this.#journal.problem !== undefined) throw this.#journal.problem;
    const cursors = this.#channels.get(channel);
    const isNew = cursors?.has(consumer) !== true;
    if (isNew && (cursors?.size ?? 0) >= MAX_CONSUMERS) throw new CarillonError('CONSUMER_LIMIT');
    const cursor = { consumer, epoch, seq, atMs: Date.now() };
    this.restore(channel, cursor);
    this.#journal.append({ type: 'ack', channel, ...cursor });
  }
}
