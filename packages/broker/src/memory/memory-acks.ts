import { CarillonError, type Position } from '@carillon/protocol';
import { type AckCursor, type AckCursors, MAX_CONSUMERS } from '../ack-cursors.ts';
import type { ChannelKey } from '../ports.ts';

/** Lives as long as the process, and over a clean stop in the snapshot. */
export class MemoryAcks implements AckCursors {
  readonly #channels = new Map<ChannelKey, Map<string, AckCursor>>();

  async open(channel: ChannelKey, consumer: string, initial: Position): Promise<Position> {
    const known = this.#channels.get(channel)?.get(consumer);
    if (known === undefined) this.#set(channel, consumer, initial);
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
  }

  async find(channel: ChannelKey, consumer: string): Promise<AckCursor | undefined> {
    return this.#channels.get(channel)?.get(consumer);
  }

  async list(channel: ChannelKey): Promise<readonly AckCursor[]> {
    return [...(this.#channels.get(channel)?.values() ?? [])];
  }

  /** Cursors of a channel, `undefined` when it has none, for the snapshot of a clean stop. */
  cursorsOf(channel: ChannelKey): readonly AckCursor[] | undefined {
    const cursors = this.#channels.get(channel);
    return cursors && [...cursors.values()];
  }

  restore(channel: ChannelKey, cursors: readonly AckCursor[]): void {
    this.#channels.set(channel, new Map(cursors.map((cursor) => [cursor.consumer, cursor])));
  }

  #set(channel: ChannelKey, consumer: string, { epoch, seq }: Position): void {
    const cursors = this.#channels.get(channel) ?? new Map<string, AckCursor>();
    if (!cursors.has(consumer) && cursors.size >= MAX_CONSUMERS) throw new CarillonError('CONSUMER_LIMIT');
    cursors.set(consumer, { consumer, epoch, seq, atMs: Date.now() });
    this.#channels.set(channel, cursors);
  }
}
