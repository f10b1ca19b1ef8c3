import type { SocketConstructor, SocketLike } from '@carillon/client';

/** Close code that browsers report when the network goes away under a connection. */
const ABNORMAL_CLOSURE = 1006;
const CUT_CODE = 4999;
const OPEN = 1;
const CLOSED = 3;

/**
 * A network that can be cut. Each pane has its own: cutting it closes the pane's socket, and new ones fail until it is whole again,
 * as with a lost Wi-Fi. The SDK isn't told anything else; it finds out, reconnects and resumes by itself.
 */
export class CuttableNetwork {
  readonly #sockets = new Set<CuttableSocket>();
  #cut = false;

  /** For the SDK's `webSocket` option. */
  get WebSocket(): SocketConstructor {
    const sockets = this.#sockets;
    const isCut = () => this.#cut;
    return class extends CuttableSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, isCut());
        sockets.add(this);
        this.onGone = () => sockets.delete(this);
      }
    };
  }

  cut(): void {
    this.#cut = true;
    for (const socket of [...this.#sockets]) socket.breakOff();
  }

  restore(): void {
    this.#cut = false;
  }
}

class CuttableSocket implements SocketLike {
  readonly #socket: WebSocket | undefined;
  #gone = false;
  onGone: () => void = () => undefined;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;

  constructor(url: string, protocols: string[], unreachable: boolean) {
    if (unreachable) {
      setTimeout(() => this.breakOff());
      return;
    }
    this.#socket = new WebSocket(url, protocols);
    this.#socket.onopen = (event) => this.onopen?.(event as never);
    this.#socket.onmessage = (event) => this.onmessage?.(event);
    this.#socket.onerror = (event) => this.onerror?.(event as never);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  get readyState(): number {
    if (this.#gone) return CLOSED;
    return this.#socket?.readyState ?? 0;
  }

  send(data: string): void {
    if (this.readyState === OPEN) this.#socket?.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#socket?.close(code, reason);
  }

  /** Ends it without a goodbye: what is on its way is lost. */
  breakOff(): void {
    const socket = this.#socket;
    if (socket !== undefined) socket.onmessage = null;
    socket?.close(CUT_CODE);
    this.#end(ABNORMAL_CLOSURE, '');
  }

  #end(code: number, reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.onGone();
    this.onclose?.({ code, reason });
  }
}
