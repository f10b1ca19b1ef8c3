import type { Socket } from 'node:net';

export interface OutboxLimits {
  readonly sendQueueMessages: number;
  readonly sendQueueBytes: number;
}

/** Outboxes that have something to write in this turn of the event loop. */
const due = new Set<Outbox>();

function flushDue(): void {
  const outboxes = [...due];
  due.clear();
  for (const outbox of outboxes) outbox.flush();
}

/**
 * What goes to one client. Frames of a turn leave in one write; what the client can't take waits in the socket up to a bound.
 *
 * Frames are written to the TCP socket beneath the WebSocket: whole frames only, so they mix safely with those that the WebSocket
 * library writes itself (pongs, close), as long as compression is off.
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #limits: OutboxLimits;
  readonly #onOverflow: (queuedMessages: number, queuedBytes: number) => void;
  #frames: Buffer[] = [];
  #frameBytes = 0;
  /** Frames handed to the socket while it could not send: it counts bytes, not frames. */
  #waiting = 0;
  #closed = false;
  /** Those who wait for room; told when the socket has drained or is gone. */
  #onRoom: (() => void)[] = [];

  constructor(
    socket: Socket,
    limits: OutboxLimits,
    onOverflow: (queuedMessages: number, queuedBytes: number) => void,
  ) {
    this.#socket = socket;
    this.#limits = limits;
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

  send(frame: Buffer): void {
    if (this.#closed) return;
    this.#frames.push(frame);
    this.#frameBytes += frame.length;
    if (this.#frames.length > 1) return;
    if (due.size === 0) setImmediate(flushDue);
    due.add(this);
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

  /** Writes what has been collected in one go. */
  flush(): void {
    const frames = this.#frames;
    if (frames.length === 0 || this.#closed) return;
    this.#frames = [];
    this.#frameBytes = 0;
    if (this.#socket.writableNeedDrain) this.#waiting += frames.length;
    if (frames.length === 1) this.#socket.write(frames[0]!);
    else {
      this.#socket.cork();
      for (const frame of frames) this.#socket.write(frame);
      this.#socket.uncork();
    }
    const { sendQueueMessages, sendQueueBytes } = this.#limits;
    if (this.#socket.writableLength > sendQueueBytes || this.#waiting > sendQueueMessages) {
      this.#onOverflow(this.#waiting, this.#socket.writableLength);
    }
  }

  /** Writes what has been collected; nothing more is taken. */
  close(): void {
    this.flush();
    this.#closed = true;
    due.delete(this);
    this.#tellRoom();
  }

  #tellRoom(): void {
    for (const resolve of this.#onRoom.splice(0)) resolve();
  }
}
