import type { WebSocket } from 'ws';

/** Frames that wait while one is being served; beyond this the client is not read any further. */
const PAUSE_AT = 128;

/** Serves the frames of a connection in order: while one takes its time, the later ones wait. */
export class Inbox {
  readonly #webSocket: WebSocket;
  readonly #serve: (text: string) => Promise<void> | undefined;
  #waiting: string[] = [];
  #busy = false;
  #paused = false;

  constructor(webSocket: WebSocket, serve: (text: string) => Promise<void> | undefined) {
    this.#webSocket = webSocket;
    this.#serve = serve;
  }

  take(text: string): void {
    if (this.#busy) {
      this.#waiting.push(text);
      if (this.#waiting.length >= PAUSE_AT && !this.#paused) {
        this.#paused = true;
        this.#webSocket.pause();
      }
      return;
    }
    const served = this.#serve(text);
    if (served !== undefined) void this.#finish(served);
  }

  async #finish(served: Promise<void>): Promise<void> {
    this.#busy = true;
    await served;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const text of waiting) await this.#serve(text);
    }
    this.#busy = false;
    if (this.#paused) {
      this.#paused = false;
      this.#webSocket.resume();
    }
  }
}
