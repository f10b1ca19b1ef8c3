import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type Socket, Server as TcpServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { pause } from './pause.ts';
import { within } from './within.ts';

/** Of one connection. Node parses all that a client pipelines; each request held 30 KB while its answer wasn't read. */
const MAX_OPEN_REQUESTS = 8;
/** After a stop begins, connections stay until no request has come for this long: a client that asks just now must not be reset. */
const QUIET_MS = 250;
const LOOK_EVERY_MS = 20;
/** A look at the sockets that takes less than this has served no request. */
const SHORT_LOOK_MS = 0.1;
/** A server that is never without work for so long closes its listener all the same. */
const MAX_LOOKS_MS = 100;

type Listener = (this: Server, request: IncomingMessage, response: ServerResponse) => void;

/** The requests that one connection waits for. */
interface Asked {
  open: number;
  /** Bytes that the kernel has not taken, and since when they are as many. */
  waitingBytes: number;
  sinceMs: number;
}

/** Node keeps it in a member that its types leave out. */
type SocketWithHandle = Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null };

/** Requests and answers on an HTTP server's connections: bounded, ended when stalled, completed at a stop. */
export class HttpConnections {
  /** On further addresses. Their connections are the server's. */
  readonly listeners: TcpServer[] = [];
  readonly #server: Server;
  readonly #handlers: readonly Listener[];
  readonly #stallTimeoutMs: number;
  /** By the connection on which they were asked. Bounded by the open connections. */
  readonly #asked = new Map<Socket, Asked>();
  /** Responses whose headers may still say that the connection ends. Bounded by the open requests. */
  readonly #responses = new Set<ServerResponse>();
  #open = 0;
  #lastAskedMs = Number.NEGATIVE_INFINITY;
  #draining = false;
  #onNone: (() => void) | undefined;

  /** @param stallTimeoutMs an answer of which the client takes nothing for so long is ended with its connection */
  constructor({ server }: FastifyInstance, stallTimeoutMs: number) {
    this.#server = server;
    this.#handlers = server.listeners('request') as Listener[];
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#serve(request, response),
    );
    this.#stallTimeoutMs = stallTimeoutMs;
    const looking = setInterval(() => this.#endStalled(performance.now()), stallTimeoutMs / 4).unref();
    server.once('close', () => clearInterval(looking));
  }

  /**
   * Takes no new connections; answers what is asked on those that are open, the last answer of each with `Connection: close`; ends
   * those on which nothing is asked any more. Resolves when nothing is open, or after `timeoutMs`.
   */
  async drain(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    // First the listener: a proxy whose connections are ended opens new ones, which the kernel would have when it is closed.
    await shortTurn();
    // Not the server's own close, which ends idle connections at once.
    for (const listener of [this.#server, ...this.listeners])
      if (listener.listening) TcpServer.prototype.close.call(listener);
    this.#draining = true;
    for (const response of this.#responses) if (!response.headersSent) response.shouldKeepAlive = false;
    while (performance.now() < Math.min(deadlineMs, this.#lastAskedMs + QUIET_MS)) {
      await pause(LOOK_EVERY_MS);
      // Timers run before sockets are read: after a pause of the process a request may wait there.
      await turn();
    }
    this.#server.closeIdleConnections();
    await within(this.#answered(), Math.max(0, deadlineMs - performance.now()), undefined);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (socket.destroyed) return; // what came in one piece with a request too many
    const asked = this.#askedOn(socket);
    if (asked.open >= MAX_OPEN_REQUESTS) {
      socket.destroy();
      return;
    }
    asked.open++;
    this.#open++;
    this.#lastAskedMs = performance.now();
    if (this.#draining) response.shouldKeepAlive = false;
    this.#responses.add(response);
    response.once('close', () => {
      this.#responses.delete(response);
      if (asked.open > 0) this.#ended(asked, 1);
    });
    for (const handler of this.#handlers) handler.call(this.#server, request, response);
  }

  #askedOn(socket: Socket): Asked {
    let asked = this.#asked.get(socket);
    if (asked === undefined) {
      const created: Asked = { open: 0, waitingBytes: 0, sinceMs: 0 };
      this.#asked.set(socket, created);
      socket.once('close', () => {
        this.#asked.delete(socket);
        // An answer that waits for those before it isn't told that the connection is gone.
        this.#ended(created, created.open);
      });
      asked = created;
    }
    return asked;
  }

  #ended(asked: Asked, count: number): void {
    asked.open -= count;
    this.#open -= count;
    if (this.#open === 0) this.#onNone?.();
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open === 0) resolve();
      else this.#onNone = resolve;
    });
  }

  /**
   * Unsent bytes in the kernel show whether a client takes its answers: it may go on asking, or send a byte now and
   * then.
   */
  #endStalled(nowMs: number): void {
    for (const [socket, asked] of this.#asked) {
      const waitingBytes = asked.open === 0 ? 0 : waitingOn(socket);
      if (waitingBytes === 0 || waitingBytes !== asked.waitingBytes) {
        asked.waitingBytes = waitingBytes;
        asked.sinceMs = nowMs;
      } else if (nowMs - asked.sinceMs >= this.#stallTimeoutMs) socket.destroy();
    }
  }
}

/**
 * The kernel resets connections that it has and this process has not taken when the listener is closed: right after a look at the sockets
 * there are none. A look that found much to do is no recent one.
 */
async function shortTurn(): Promise<void> {
  const deadlineMs = performance.now() + MAX_LOOKS_MS;
  // The first one begins with what is under way.
  await turn();
  for (let nowMs = performance.now(); nowMs < deadlineMs; ) {
    const beganMs = nowMs;
    await turn();
    nowMs = performance.now();
    if (nowMs - beganMs < SHORT_LOOK_MS) return;
  }
}

function waitingOn(socket: Socket): number {
  if (socket.writableLength === 0) return 0;
  // The stream counts a chunk until the kernel has all of it.
  return (socket as SocketWithHandle)._handle?.writeQueueSize ?? socket.writableLength;
}
