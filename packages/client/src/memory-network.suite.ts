/** A network inside the process whose frames take time and can be lost, for tests with a clock of their own. */
import { incoming, outgoing } from './peer-wire.suite.ts';
import type { PeerConnection, ProtocolPeer } from './protocol-peer.suite.ts';
import type { SocketConstructor, SocketLike } from './socket.ts';

export class MemoryNetwork {
  readonly #peer: ProtocolPeer;
  readonly #latencyMs: () => number;
  readonly #sockets = new Set<MemorySocket>();
  /** While `false` no connection can be made. */
  reachable = true;
  attempts = 0;

  constructor(peer: ProtocolPeer, latencyMs: () => number) {
    this.#peer = peer;
    this.#latencyMs = latencyMs;
  }

  get WebSocket(): SocketConstructor {
    const network = this;
    return class extends MemorySocket {
      constructor(_url: string, [protocol]: readonly string[]) {
        super(network, protocol);
        network.attempts++;
        network.#sockets.add(this);
        network.later(() => this.open());
      }
    };
  }

  /** Frames keep their order on a connection, as on TCP. */
  later(deliver: () => void): void {
    setTimeout(deliver, this.#latencyMs());
  }

  attach(transport: {
    send: (text: string) => void;
    close: (code: number, reason: string) => void;
  }): PeerConnection {
    return this.#peer.connection(transport);
  }

  /** Ends every connection; what is on its way, either way, is lost. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.abort();
    this.#sockets.clear();
  }

  /** From now on the open connections carry nothing, and nobody is told. */
  silence(): void {
    for (const socket of this.#sockets) socket.silent = true;
  }

  get open(): number {
    return [...this.#sockets].filter((socket) => socket.readyState === 1).length;
  }
}

class MemorySocket implements SocketLike {
  readonly #network: MemoryNetwork;
  #peer: PeerConnection | undefined;
  #toClient: string[] = [];
  #toServer: string[] = [];
  readyState = 0;
  silent = false;
  readonly protocol: string;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;

  /** @param protocol what the client wants most; it gets it */
  constructor(network: MemoryNetwork, protocol = '') {
    this.#network = network;
    this.protocol = protocol;
  }

  open(): void {
    if (this.readyState !== 0) return;
    if (!this.#network.reachable) {
      this.abort();
      return;
    }
    this.readyState = 1;
    this.#peer = this.#network.attach({
      send: (text) => this.#queue(this.#toClient, text, (data) => this.#deliver(data)),
      close: (code, reason) => this.#network.later(() => this.#end(code, reason)),
    });
    this.onopen?.(undefined as never);
  }

  send(data: string | Uint8Array): void {
    const text = incoming(this.protocol, data);
    this.#queue(this.#toServer, text, (received) => this.#peer?.receive(received));
  }

  #deliver(text: string): void {
    const data = outgoing(this.protocol, text);
    this.onmessage?.({ data: typeof data === 'string' ? data : data.buffer });
  }

  #queue(queue: string[], text: string, deliver: (text: string) => void): void {
    if (this.silent) return;
    queue.push(text);
    this.#network.later(() => {
      const next = queue.shift();
      if (next !== undefined && this.readyState === 1) deliver(next);
    });
  }

  close(): void {
    this.#end(1000, '');
  }

  abort(): void {
    this.#end(1006, '');
  }

  #end(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#toClient = [];
    this.#toServer = [];
    this.#peer?.closed();
    this.onclose?.({ code, reason });
  }
}
