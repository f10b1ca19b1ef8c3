import type { Position } from '@carillon/protocol';
import type { MessageFrames } from '../egress/frame.ts';
import { RecentMessages } from './recent-messages.ts';

/** How long messages read for one resuming subscriber are kept for others: clients mostly reconnect together. */
const RECENT_KEPT_MS = 5000;

/** Newest messages of a channel, kept while somebody catches up, so that the last step needs no reading and can't race, and a while after that. */
export class CatchUpWindow {
  #recent: RecentMessages | undefined;
  #catchingUp = 0;
  /** On the clock of performance.now(), whole milliseconds. */
  #recentUntilMs = 0;

  /** The frames after `seq`, when all of them are still here. */
  after(seq: number): readonly MessageFrames[] | undefined {
    return this.#recent?.after(seq);
  }

  /** Keeps messages read from history for other subscribers that recover. */
  remember(read: readonly MessageFrames[], at: Position | undefined): void {
    if (this.#catchingUp === 0 || at === undefined || read[0]?.epoch !== at.epoch) return;
    this.#recent ??= new RecentMessages();
    this.#recent.addOlder(read, at.seq);
  }

  /** A recovery begins: newest messages are kept until the last recovery has ended. Returns the function that ends it. */
  begin(comesBack: boolean): () => void {
    let ended = false;
    this.#catchingUp++;
    return () => {
      if (ended) return;
      ended = true;
      this.#catchingUp--;
      const nowMs = Math.ceil(performance.now());
      if (comesBack) this.#recentUntilMs = nowMs + RECENT_KEPT_MS;
      if (this.#catchingUp > 0) return;
      this.#recent?.shorten();
      this.forget(nowMs);
    };
  }

  /** When nobody has come back for a while. */
  forget(nowMs: number): void {
    if (this.#catchingUp === 0 && nowMs >= this.#recentUntilMs) this.#recent = undefined;
  }

  /** The channel goes on elsewhere: what follows doesn't follow these. */
  clear(): void {
    this.#recent = undefined;
  }

  /** @param nowMs when it came, on the clock of performance.now() */
  keep(message: MessageFrames, nowMs: number): void {
    if (this.#catchingUp === 0 && nowMs >= this.#recentUntilMs) this.#recent = undefined;
    else {
      this.#recent ??= new RecentMessages();
      this.#recent.add(message);
      if (this.#catchingUp === 0) this.#recent.shorten();
    }
  }
}
