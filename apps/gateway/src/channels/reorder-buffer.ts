import type { Position } from '@carillon/protocol';

/** A message of the feed that waits until the gap before it is healed. */
export interface Held extends Position {
  readonly record: string;
}

export interface HeldLimits {
  /** Messages, at least 1. */
  readonly maxMessages: number;
  /** Characters of their records together; a single larger one is held all the same. */
  readonly maxChars: number;
}

const LIMITS: HeldLimits = { maxMessages: 10_000, maxChars: 4 * 1024 * 1024 };

/** The newest messages that came behind a gap. What does not fit is healed from history, as the gap is. */
export class ReorderBuffer {
  readonly #limits: HeldLimits;
  #messages: Held[] = [];
  #chars = 0;

  constructor(limits: HeldLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Holds the message; the oldest give way. */
  push(message: Held): void {
    this.#messages.push(message);
    this.#chars += message.record.length;
    while (this.#messages.length > 1 && this.#isFull()) this.#chars -= this.#messages.shift()!.record.length;
  }

  /** All of them, oldest first; none is held afterwards. */
  takeAll(): readonly Held[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#chars = 0;
    return messages;
  }

  #isFull(): boolean {
    return this.#messages.length > this.#limits.maxMessages || this.#chars > this.#limits.maxChars;
  }
}
