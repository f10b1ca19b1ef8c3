import type { MessageFrames } from '../egress/frame.ts';

/** While somebody catches up. */
const MAX_MESSAGES = 1024;
/** When nobody does any more. */
const MAX_KEPT_MESSAGES = 64;
const MAX_KEPT_CHARS = 64 * 1024;

/** The newest messages of a channel, without a gap, up to its position. */
export class RecentMessages {
  #frames: MessageFrames[] = [];
  /** Of all records. */
  #chars = 0;

  /** The one that follows the newest. */
  add(message: MessageFrames): void {
    this.#frames.push(message);
    this.#chars += message.record.length;
    if (this.#frames.length > MAX_MESSAGES) this.#dropOldest();
  }

  /** Messages after `seq`; `undefined` when some of them aren't kept any more. */
  after(seq: number): readonly MessageFrames[] | undefined {
    const [first] = this.#frames;
    return first === undefined || first.seq > seq + 1 ? undefined : this.#frames.slice(seq + 1 - first.seq);
  }

  /**
   * Adds messages read from history, for other subscribers. Taken only if they end where the kept ones begin, or at
   * `newest`, and are few.
   */
  addOlder(read: readonly MessageFrames[], newest: number): void {
    const begin = this.#frames[0]?.seq ?? newest + 1;
    const older = read.filter(({ seq }) => seq < begin);
    const chars = older.reduce((sum, { record }) => sum + record.length, 0);
    if (older.at(-1)?.seq !== begin - 1 || !areFew(older.length, chars)) return;
    this.#frames = [...older, ...this.#frames];
    this.#chars += chars;
  }

  /** No recovery is under way: a few messages are enough for the next one. */
  shorten(): void {
    while (!areFew(this.#frames.length, this.#chars)) this.#dropOldest();
  }

  #dropOldest(): void {
    this.#chars -= this.#frames.shift()!.record.length;
  }
}

function areFew(messages: number, chars: number): boolean {
  return messages <= MAX_KEPT_MESSAGES && chars <= MAX_KEPT_CHARS;
}
