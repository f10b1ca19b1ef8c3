import type { Socket } from 'node:net';

export type LinkDirection = 'toServer' | 'toClient';

/** Network conditions of a link. Default: bytes pass unchanged. */
export interface LinkConditions {
  /** Bytes are taken and never come out. */
  readonly swallows?: boolean;
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
}

/** Bytes that may wait in one direction; beyond it the sender is not read any further. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

interface Waiting {
  readonly leavesAtMs: number;
  readonly leave: () => void;
}

/** Bytes from one socket to another, in order, later by what the conditions say. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  /** One timer for all: several would not end in the order in which they began. */
  #timer: NodeJS.Timeout | undefined;
  readonly #queue: Waiting[] = [];
  #conditions: LinkConditions = {};
  #waitingBytes = 0;
  /** On the clock of performance.now(): nothing leaves before what came earlier. */
  #lastLeavesAtMs = 0;
  swallowed = 0;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#later(0, () => this.#to.end()));
    to.on('drain', () => this.#from.resume());
  }

  apply(conditions: LinkConditions): void {
    this.#conditions = conditions;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(chunk: Buffer): void {
    if (this.#conditions.swallows === true) {
      this.swallowed += chunk.length;
      return;
    }
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#from.pause();
    this.#later(chunk.length, () => {
      this.#waitingBytes -= chunk.length;
      if (this.#waitingBytes <= MAX_WAITING_BYTES && !this.#to.writableNeedDrain) this.#from.resume();
      if (!this.#to.write(chunk)) this.#from.pause();
    });
  }

  #later(bytes: number, leave: () => void): void {
    const { delayMs = 0, jitterMs = 0, bytesPerSecond } = this.#conditions;
    const now = performance.now();
    const travelMs = Math.max(0, delayMs + (Math.random() * 2 - 1) * jitterMs);
    const sendMs = bytesPerSecond === undefined ? 0 : (bytes / bytesPerSecond) * 1000;
    this.#lastLeavesAtMs = Math.max(now + travelMs, this.#lastLeavesAtMs) + sendMs;
    this.#queue.push({ leavesAtMs: this.#lastLeavesAtMs, leave });
    if (this.#queue.length === 1) this.#run();
  }

  /** Lets go what is due, and waits for the next. */
  #run(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const waitMs = first.leavesAtMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#run(), waitMs);
        return;
      }
      this.#queue.shift();
      first.leave();
    }
  }
}

/** One connection through the proxy. */
export class ShapedLink {
  readonly #sockets: readonly [client: Socket, server: Socket];
  readonly #lanes: Readonly<Record<LinkDirection, Lane>>;
  readonly #onEnd: () => void;
  #ended = false;

  constructor({ client, server }: { readonly client: Socket; readonly server: Socket }, onEnd: () => void) {
    this.#sockets = [client, server];
    this.#onEnd = onEnd;
    this.#lanes = { toServer: new Lane(client, server), toClient: new Lane(server, client) };
    for (const socket of this.#sockets) {
      socket.setNoDelay(true);
      // A reset on one side is a reset on the other: both ends learn that the connection died.
      socket.on('error', () => this.reset());
    }
    client.on('close', () => this.#closed());
    server.on('close', () => this.#closed());
  }

  /** Bytes that were lost. With any the connection can't go on. */
  get swallowed(): number {
    return this.#lanes.toServer.swallowed + this.#lanes.toClient.swallowed;
  }

  apply(direction: LinkDirection, conditions: LinkConditions): void {
    this.#lanes[direction].apply(conditions);
  }

  reset(): void {
    if (this.#ended) return;
    this.#finish();
    for (const socket of this.#sockets) {
      // Resetting a socket that is shut down already leaves libuv a handle that never closes: the process then spins at its exit.
      if (socket.connecting || socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  #closed(): void {
    if (this.#sockets.every((socket) => socket.destroyed)) this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const lane of Object.values(this.#lanes)) lane.stop();
    this.#onEnd();
  }
}
