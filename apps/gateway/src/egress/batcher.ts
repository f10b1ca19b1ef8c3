import type { BatchFrames } from './batch-frame.ts';
import type { BatchWheel, Waiting } from './batch-wheel.ts';
import type { EncodingName } from './frame.ts';

/** A batch that would be larger leaves before. [BA2] */
const MAX_BATCH_BYTES = 64 * 1024;

/** Shared by the batchers of all connections. */
export interface Batching {
  readonly wheel: BatchWheel;
  readonly frames: BatchFrames;
}

export interface BatchBounds {
  readonly size: number;
  readonly delayMs: number;
}

/** [BA1] [BA2] Gathers the messages of one connection that asked for batches. */
export class Batcher implements Waiting {
  readonly #batching: Batching;
  readonly #bounds: BatchBounds;
  readonly #encoding: EncodingName;
  readonly #send: (frame: Buffer) => void;
  #frames: Buffer[] = [];
  #bytes = 0;
  #stopWaiting: (() => void) | undefined;

  constructor(
    batching: Batching,
    bounds: BatchBounds,
    encoding: EncodingName,
    send: (frame: Buffer) => void,
  ) {
    this.#batching = batching;
    this.#bounds = bounds;
    this.#encoding = encoding;
    this.#send = send;
  }

  /** The frame of one message. */
  add(frame: Buffer): void {
    if (this.#bytes + frame.length > MAX_BATCH_BYTES) this.flush();
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#frames.length >= this.#bounds.size || this.#bytes >= MAX_BATCH_BYTES) this.flush();
    else this.#stopWaiting ??= this.#batching.wheel.wait(this, this.#bounds.delayMs);
  }

  /** Sends the waiting messages now. */
  flush(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (this.#frames.length === 0) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    this.#send(this.#batching.frames.join(this.#encoding, frames));
  }

  onDue(): void {
    this.#stopWaiting = undefined;
    this.flush();
  }

  /** Drops the waiting messages: the subscription has ended. */
  stop(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#frames = [];
  }
}
