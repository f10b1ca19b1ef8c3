import type { ChannelKey, FeedHandler, PartitionId } from '../ports.ts';
import { Fifo } from './fifo.ts';
import type { Journal } from './journal/journal.ts';

export type FeedItem =
  | {
      readonly kind: 'message';
      readonly channel: ChannelKey;
      readonly epoch: string;
      readonly seq: number;
      readonly record: string;
    }
  | { readonly kind: 'stored'; readonly channel: ChannelKey; readonly epoch: string; readonly seq: number };

/** Records queued for a gateway. Handed over once per event-loop turn, never inside a publish call. */
export class FeedQueue {
  readonly #maxItems: number;
  readonly #handler: FeedHandler;
  readonly #items = new Fifo<FeedItem>();
  #scheduled = false;
  #closed = false;

  readonly #journal: Journal;

  constructor(handler: FeedHandler, maxItems: number, journal: Journal) {
    this.#journal = journal;
    this.#handler = handler;
    this.#maxItems = maxItems;
  }

  push(item: FeedItem): void {
    if (this.#closed) return;
    // Dropping the oldest is safe: the gateway sees the break by seq and heals it from history.
    if (this.#items.length >= this.#maxItems) this.#items.drop(1);
    this.#items.push(item);
    this.schedule();
  }

  /** Also after a delivery that the journal held up. */
  schedule(): void {
    if (this.#scheduled || this.#items.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  tellDataLost(partition: PartitionId): void {
    if (!this.#closed) this.#handler.onDataLost([partition]);
  }

  close(): void {
    this.#closed = true;
    this.#items.clear();
  }

  #deliver(): void {
    this.#scheduled = false;
    if (!this.#isWritten()) return;
    const items = this.#items.take(this.#items.length);
    for (const item of items) {
      if (item.kind === 'message') this.#handler.onMessage(item.channel, item.epoch, item.seq, item.record);
      else this.#handler.onStored(item.channel, item.epoch, item.seq);
    }
    if (items.length > 0) this.#handler.onBatchEnd();
  }

  /**
   * The journal is flushed before delivery: a position that a subscriber has seen must not be given to another message
   * after a crash.
   */
  #isWritten(): boolean {
    try {
      this.#journal.flush();
      return true;
    } catch {
      return false; // told by the broker's status; delivered when writing works again
    }
  }
}
