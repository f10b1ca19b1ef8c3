import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/** A connection that is silent for this long after it was opened is left to Node, which knows when to end it. */
const SILENT_MS = 250;

/** Takes a connection by the first that it sends. `false`: it is none for this, nothing was done with it. */
export type TakeConnection = (socket: Socket, chunk: Buffer) => boolean;

type ConnectionListener = (this: Server, socket: Socket) => void;

/**
 * Looks at the first bytes of each connection before Node's HTTP server does. For a connection that becomes a WebSocket that one would
 * make a parser, a request and timers, which are a tenth of what it costs to take a client. Whatever isn't taken goes there, from its
 * first byte on.
 */
export class UpgradeFastPath {
  readonly #server: Server;
  readonly #take: TakeConnection;
  readonly #silentMs: number;
  readonly #httpListeners: readonly ConnectionListener[];
  /** Sockets without a byte so far, in the order of their opening, with the time of it. Bounded by the file descriptors. */
  readonly #silent = new Map<Socket, number>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(server: Server, take: TakeConnection, silentMs = SILENT_MS) {
    this.#server = server;
    this.#take = take;
    this.#silentMs = silentMs;
    const opened = server instanceof TlsServer ? 'secureConnection' : 'connection';
    this.#httpListeners = server.listeners(opened) as ConnectionListener[];
    server.removeAllListeners(opened);
    server.on(opened, (socket: Socket) => this.#opened(socket));
  }

  /** Ends those that have sent nothing, which Node would wait for. What comes from now on is Node's. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const socket of this.#silent.keys()) socket.destroy();
    this.#silent.clear();
  }

  #opened(socket: Socket): void {
    if (this.#stopped) {
      this.#leaveToHttp(socket);
      return;
    }
    this.#silent.set(socket, performance.now());
    this.#timer ??= setTimeout(this.#leaveSilentOnes, this.#silentMs);
    socket.on('error', ignore).on('end', endSilent);
    socket.once('data', (chunk: Buffer) => {
      // The socket may have been handed to Node since then, with its first bytes.
      if (!this.#silent.delete(socket)) return;
      socket.off('error', ignore).off('end', endSilent);
      if (this.#take(socket, chunk)) return;
      socket.pause();
      socket.unshift(chunk);
      this.#leaveToHttp(socket);
      socket.resume();
    });
  }

  #leaveToHttp(socket: Socket): void {
    for (const listener of this.#httpListeners) listener.call(this.#server, socket);
  }

  readonly #leaveSilentOnes = (): void => {
    const before = performance.now() - this.#silentMs;
    for (const [socket, openedMs] of this.#silent) {
      if (openedMs > before) break;
      this.#silent.delete(socket);
      if (socket.destroyed) continue;
      socket.off('error', ignore).off('end', endSilent);
      socket.removeAllListeners('data');
      this.#leaveToHttp(socket);
    }
    this.#timer = this.#silent.size === 0 ? undefined : setTimeout(this.#leaveSilentOnes, this.#silentMs);
  };
}

/** The socket closes by itself then. */
function ignore(): void {
  // No request was sent yet.
}

function endSilent(this: Socket): void {
  this.destroy();
}
