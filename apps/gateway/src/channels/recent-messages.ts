import type { MessageFrames } from '../egress/frame.ts';

/** While somebody catches up. */
const MAX_MESSAGES = 1024;
/** When nobody does any more. */
const MAX_KEPT_MESSAGES = 64;
const MAX_KEPT_CHARS = 64 * 1024;

/** The newest messages of a channel, without a gap, up to its position. */
export class RecentMessages {
  #frames: MessageFrames[] = [];

  /** The one that follows the newest. */
  add(message: MessageFrames): void {
    this.#frames.push(message);
    if (this.#frames.length > MAX_MESSAGES) this.#frames.shift();
  }

  /** Those after `seq`, `undefined` when they are not all here. */
  after(seq: number): readonly MessageFrames[] | undefined {
    const [first] = this.#frames;
    return first === undefined || first.seq > seq + 1 ? undefined : this.#frames.slice(seq + 1 - first.seq);
  }

  /** What was read of history, for the next who want it: taken when it ends where these begin, or at `newest`, and is not much. */
  addOlder(read: readonly MessageFrames[], newest: number): void {
    const begin = this.#frames[0]?.seq ?? newest + 1;
    const older = read.filter(({ seq }) => seq < begin);
    if (older.at(-1)?.seq !== begin - 1 || older.length !== keptOf(older)) return;
    this.#frames = [...older, ...this.#frames];
  }

  /** Nobody catches up any more: a few are enough for the next who comes back. */
  shorten(): void {
    const kept = keptOf(this.#frames);
    if (kept < this.#frames.length) this.#frames = this.#frames.slice(this.#frames.length - kept);
  }
}

/** How many of the newest are within the bounds. */
function keptOf(frames: readonly MessageFrames[]): number {
  let chars = 0;
  let kept = 0;
  for (let i = frames.length - 1; i >= 0 && kept < MAX_KEPT_MESSAGES; i--) {
    chars += frames[i]!.record.length;
    if (chars > MAX_KEPT_CHARS) break;
    kept++;
  }
  return kept;
}
