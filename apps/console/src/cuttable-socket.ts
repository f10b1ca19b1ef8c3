/**
 * A network that can be cut: WebSockets that the page can break from below, as a lost Wi-Fi would. The SDK isn't told; it finds
 * out, reconnects and resumes by itself, which is what the page is there to show.
 */
export class CuttableNetwork {
  readonly #sockets = new Set<WebSocket>();
  #cutUntil = 0;

  /** For the SDK's `webSocket` option. */
  readonly WebSocket = this.#makeConstructor();

  /** Breaks what is open and refuses new connections for `durationMs`. */
  cut(durationMs: number): void {
    this.#cutUntil = Date.now() + durationMs;
    for (const socket of this.#sockets) socket.close(4999, 'cut by the page');
    this.#sockets.clear();
  }

  #makeConstructor(): typeof WebSocket {
    const isCut = (): boolean => Date.now() < this.#cutUntil;
    const sockets = this.#sockets;
    return class CuttableWebSocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        // Nothing listens on port 9 (discard): the attempt fails as it would without a network.
        super(isCut() ? 'ws://127.0.0.1:9/' : url, protocols);
        sockets.add(this);
        this.addEventListener('close', () => sockets.delete(this));
      }
    };
  }
}
