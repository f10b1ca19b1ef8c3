import type { Socket } from 'node:net';
import type { FlushScheduler, Gathering } from './flush-scheduler.ts';

export interface OutboxLimits {
  readonly sendQueueMessages: number;
  readonly sendQueueBytes: number;
}

/** Larger output doesn't wait for a round: one write of it is too much, and its client would look slow. */
const MAX_GATHERED_BYTES = 64 * 1024;
const NONE: Buffer[] = [];

/**
 * Outgoing frames of one client. Frames are gathered and leave in one write, see {@link FlushScheduler}; bytes that the
 * client doesn't take wait in the socket, up to a bound.
 * Frames are written to the TCP socket beneath the WebSocket: whole frames only, so they mix safely with those that the
 * WebSocket library writes itself (pongs, close).
 */
export class Outbox implements Gathering {
  readonly #socket: Socket;
  readonly #limits: OutboxLimits;
  readonly #rounds: FlushScheduler;
  #isOverflowTold = false;
  readonly #onOverflow: (queuedMessages: number, queuedBytes: number) => void;
  #frames = NONE;
  #frameBytes = 0;
  /** Frames handed to the socket while it could not send: it counts bytes, not frames. */
  #waiting = 0;
  #closed = false;
  /** The next round writes this one; it may find nothing left to write. */
  #isDue = false;
  #isUrgent = false;
  /** Callbacks waiting for room in the socket; called when it has drained or is closed. */
  #onRoom: (() => void)[] = [];

  constructor(
    socket: Socket,
    limits: OutboxLimits,
    rounds: FlushScheduler,
    onOverflow: (queuedMessages: number, queuedBytes: number) => void,
  ) {
    this.#socket = socket;
    this.#limits = limits;
    this.#rounds = rounds;
    this.#onOverflow = onOverflow;
    socket.on('drain', () => {
      this.#waiting = 0;
      this.#tellRoom();
    });
  }

  /** Bytes that wait for the client. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** For answers and whatever else the client waits for: leaves at the end of this turn, and all that came before it. */
  send(frame: Buffer): void {
    if (this.#closed) return;
    this.#gather(frame);
    this.#hurry();
  }

  /** For messages: may wait some milliseconds for others, when there is much to write. */
  sendGathered(frame: Buffer): void {
    if (this.#closed) return;
    this.#gather(frame);
    if (this.#frameBytes > MAX_GATHERED_BYTES) this.#hurry();
    else if (!this.#isDue && !this.#isUrgent) {
      this.#isDue = true;
      this.#rounds.due(this);
    }
  }

  /**
   * For what can wait, as old messages can: `undefined` when there is room now, else resolves when the client has taken what waits
   * for it, or is gone. The other half of the queue is left for what can't wait.
   */
  room(): Promise<void> | undefined {
    const { sendQueueMessages, sendQueueBytes } = this.#limits;
    const isHalfFull = (): boolean =>
      this.#frameBytes + this.#socket.writableLength > sendQueueBytes / 2 ||
      this.#frames.length + this.#waiting > sendQueueMessages / 2;
    if (!isHalfFull()) return undefined;
    this.flush();
    // A socket that asks for no pause gives no sign of having drained either.
    if (this.#closed || !this.#socket.writableNeedDrain || !isHalfFull()) return undefined;
    return new Promise((resolve) => this.#onRoom.push(resolve));
  }

  /** Of a round: writes what has been gathered. */
  flushInRound(): number {
    const { length } = this.#frames;
    this.#isDue = false;
    this.flush();
    return length;
  }

  /** At the end of a turn: writes what has been gathered. */
  flushUrgent(): void {
    this.#isUrgent = false;
    this.flush();
  }

  /** Writes what has been gathered in one go. */
  flush(): void {
    const frames = this.#frames;
    // To a socket that is gone each write would be an error with a stack: thousands when many are gone at once.
    if (frames.length === 0 || this.#closed || this.#socket.destroyed) return;
    const joined = this.#rounds.join(frames, this.#frameBytes);
    this.#frames = NONE;
    this.#frameBytes = 0;
    const socket = this.#socket;
    if (socket.writableNeedDrain) this.#waiting += frames.length;
    if (joined !== undefined) socket.write(joined);
    else {
      socket.cork();
      for (const frame of frames) socket.write(frame);
      socket.uncork();
    }
    const { sendQueueMessages, sendQueueBytes } = this.#limits;
    if (socket.writableLength > sendQueueBytes || this.#waiting > sendQueueMessages) {
      this.#tellOverflow();
    }
  }

  /** Writes what has been collected; nothing more is taken. */
  close(): void {
    this.flush();
    this.#closed = true;
    this.#tellRoom();
  }

  /** Once: the frame that closes the connection is one too many as well. */
  #tellOverflow(): void {
    if (this.#isOverflowTold) return;
    this.#isOverflowTold = true;
    this.#onOverflow(this.#waiting, this.#socket.writableLength);
  }

  #gather(frame: Buffer): void {
    if (this.#frames === NONE) this.#frames = [frame];
    else this.#frames.push(frame);
    this.#frameBytes += frame.length;
  }

  #hurry(): void {
    if (this.#isUrgent) return;
    this.#isUrgent = true;
    this.#rounds.urgent(this);
  }

  #tellRoom(): void {
    for (const resolve of this.#onRoom.splice(0)) resolve();
  }
}
