import type { CarillonError } from '@carillon/protocol';
import type { WebSocket } from 'ws';

/** A frame as it came: text, or bytes in protobuf. */
export type Received = string | Uint8Array;

/** One that isn't even read waits for its turn like the others: its place among the answers is that of its frame. [FR8] */
type Taken = Received | CarillonError;

/** Frames that wait while one is being served; beyond this the client is not read any further. */
const PAUSE_AT = 128;

/** Serves the frames of a connection in order: while one takes its time, the later ones wait. */
export class Inbox {
  readonly #webSocket: WebSocket;
  readonly #serve: (data: Taken) => Promise<void> | undefined;
  #waiting: Taken[] = [];
  #busy = false;
  #paused = false;

  constructor(webSocket: WebSocket, serve: (data: Taken) => Promise<void> | undefined) {
    this.#webSocket = webSocket;
    this.#serve = serve;
  }

  take(data: Taken): void {
    if (this.#busy) {
      this.#waiting.push(data);
      if (this.#waiting.length >= PAUSE_AT && !this.#paused) {
        this.#paused = true;
        this.#webSocket.pause();
      }
      return;
    }
    const served = this.#serve(data);
    if (served !== undefined) void this.#finish(served);
  }

  async #finish(served: Promise<void>): Promise<void> {
    this.#busy = true;
    await served;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const data of waiting) await this.#serve(data);
    }
    this.#busy = false;
    if (this.#paused) {
      this.#paused = false;
      this.#webSocket.resume();
    }
  }
}
