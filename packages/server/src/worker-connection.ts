import { setTimeout as pause } from 'node:timers/promises';
import {
  afterClose,
  type ConnectedFrame,
  type ErrorFrame,
  parsePayload,
  type ServerFrame,
  SUBPROTOCOL_JSON,
} from '@carillon/protocol';
import { ApiError, errorOfBody } from './api-error.ts';
import { deferred } from './deferred.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** With nothing heard for this long after a ping the connection is taken for dead. */
const PONG_TIMEOUT_MS = 10_000;
/** A connection that lived for this long was good: the next pause is short again. */
const GOOD_AFTER_MS = 5000;
const CONNECT_ID = 1;
const NORMAL_CLOSURE = 1000;
const ABNORMAL_CLOSURE = 1006;

const SOCKET_OPEN = 1;

/** The part of a WebSocket that a worker uses: Node's own, or that of the package `ws`. */
export interface WorkerSocket {
  readonly readyState: number;
  send(data: string): void;
  close(code?: number): void;
  addEventListener(name: 'open', listener: () => void): void;
  addEventListener(name: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(name: 'error', listener: (event: { message?: string }) => void): void;
  addEventListener(name: 'close', listener: (event: { code: number; reason: string }) => void): void;
}

export type WorkerSocketConstructor = new (url: string, protocols: string[]) => WorkerSocket;

export interface WorkerBackoff {
  /** Cap of the first pause, in milliseconds; doubled from attempt to attempt, half of it jitter. Default 500. */
  readonly initialMs: number;
  /** Default 15,000. */
  readonly maxMs: number;
}

export interface WorkerConnectionDependencies {
  /** Of the WebSocket. */
  readonly url: string;
  readonly webSocket: WorkerSocketConstructor;
  readonly token: () => string | undefined | Promise<string | undefined>;
  /** Another token may come when the last one was refused. */
  readonly canRenew: () => boolean;
  readonly backoff: WorkerBackoff;
  readonly onUp: (connected: ConnectedFrame) => void;
  readonly onDown: (code: number, reason: string) => void;
  readonly onFrame: (frame: ServerFrame) => void;
  readonly onError: (error: Error) => void;
}

/** How a connection ended. */
interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly wasUp: boolean;
  readonly retryAfterMs: number;
  /** The server's last error before the end. */
  readonly said: ErrorFrame | undefined;
}

/** Keeps one connection to a gateway up: connects, proves who it is, measures that the other side lives, comes back with jitter. */
export class WorkerConnection {
  readonly #deps: WorkerConnectionDependencies;
  readonly #stopping = new AbortController();
  #socket: WorkerSocket | undefined;
  #ids = CONNECT_ID;

  constructor(deps: WorkerConnectionDependencies) {
    this.#deps = deps;
  }

  /** Resolves after `close`. @throws ApiError when coming back makes no sense: the token is refused and there is no other. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const beganMs = performance.now();
      const ending = await this.#session();
      if (signal.aborted) return;
      const error = errorOf(ending);
      if (this.#isFinal(ending)) throw error;
      this.#deps.onError(error);
      const wasGood = ending.wasUp && performance.now() - beganMs > GOOD_AFTER_MS;
      failures = wasGood ? 0 : failures + 1;
      const { initialMs, maxMs } = this.#deps.backoff;
      const capMs = Math.min(maxMs, initialMs * 2 ** Math.min(failures, 20));
      const delayMs = Math.max(ending.retryAfterMs, capMs * (0.5 + Math.random() / 2));
      await pause(delayMs, undefined, { signal }).catch(() => undefined); // the end is seen above
    }
  }

  nextId(): number {
    return ++this.#ids;
  }

  /** Without a connection it is dropped. */
  send(frame: string): void {
    if (this.#socket?.readyState === SOCKET_OPEN) this.#socket.send(frame);
  }

  /** Gives up this connection; another one comes. */
  drop(): void {
    this.#socket?.close(NORMAL_CLOSURE);
  }

  close(): void {
    this.#stopping.abort();
    this.#socket?.close(NORMAL_CLOSURE);
  }

  #isFinal({ code, said }: Ending): boolean {
    const after = afterClose(code);
    if (after === 'reconnect') return false;
    return after === 'stay-closed' || (!this.#deps.canRenew() && said?.retryable !== true);
  }

  async #session(): Promise<Ending> {
    let token: string | undefined;
    try {
      token = await this.#deps.token();
    } catch (error) {
      const reason = `no token: ${(error as Error).message}`;
      return { code: ABNORMAL_CLOSURE, reason, wasUp: false, retryAfterMs: 0, said: undefined };
    }
    if (this.#stopping.signal.aborted)
      return { code: NORMAL_CLOSURE, reason: '', wasUp: false, retryAfterMs: 0, said: undefined };
    return await this.#serve(new this.#deps.webSocket(this.#deps.url, [SUBPROTOCOL_JSON]), token);
  }

  #serve(socket: WorkerSocket, token: string | undefined): Promise<Ending> {
    const { promise, resolve } = deferred<Ending>();
    let wasUp = false;
    let retryAfterMs = 0;
    let said: ErrorFrame | undefined;
    let heard = true;
    let timer: NodeJS.Timeout | undefined;
    const end = (code: number, reason: string): void => {
      clearTimeout(timer);
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (socket.readyState === SOCKET_OPEN) socket.close();
      if (wasUp) this.#deps.onDown(code, reason);
      resolve({ code, reason, wasUp, retryAfterMs, said });
    };
    const watch = (pingIntervalMs: number): void => {
      timer = setTimeout(() => {
        heard = false;
        this.send(`{"type":"ping","id":${this.nextId()}}`);
        timer = setTimeout(() => {
          if (heard) watch(pingIntervalMs);
          else end(ABNORMAL_CLOSURE, 'no answer to a ping');
        }, PONG_TIMEOUT_MS);
      }, pingIntervalMs);
    };
    this.#socket = socket;
    timer = setTimeout(
      () => end(ABNORMAL_CLOSURE, `not connected to ${this.#deps.url} within ${CONNECT_TIMEOUT_MS} ms`),
      CONNECT_TIMEOUT_MS,
    );
    socket.addEventListener('open', () => {
      this.send(
        JSON.stringify({ type: 'connect', id: CONNECT_ID, ...(token === undefined ? {} : { token }) }),
      );
    });
    socket.addEventListener('message', ({ data }) => {
      heard = true;
      const frame = parsePayload(String(data)) as ServerFrame;
      if (frame.type === 'disconnect') retryAfterMs = frame.retryAfterMs ?? 0;
      else if (frame.type === 'token_expiring') void this.#refresh();
      else if (frame.type === 'connected') {
        wasUp = true;
        clearTimeout(timer);
        watch(frame.heartbeat.pingIntervalMs);
        this.#deps.onUp(frame);
      } else if (frame.type === 'error' && (frame.re === CONNECT_ID || frame.re === undefined)) said = frame;
      else this.#deps.onFrame(frame);
    });
    let trouble = `no connection to ${this.#deps.url}`;
    // `close` follows, and says nothing.
    socket.addEventListener('error', ({ message }) => {
      trouble = `${trouble}: ${message || 'nothing listens there, or a proxy passes no WebSockets on'}`;
    });
    socket.addEventListener('close', ({ code, reason }) => end(code, reason || (wasUp ? '' : trouble)));
    return promise;
  }

  /** A new token for the live connection. */
  async #refresh(): Promise<void> {
    try {
      const token = await this.#deps.token();
      if (token !== undefined) this.send(JSON.stringify({ type: 'refresh', id: this.nextId(), token }));
    } catch (error) {
      this.#deps.onError(error as Error);
    }
  }
}

function errorOf({ code, reason, said }: Ending): ApiError {
  if (said !== undefined) return errorOfBody(said);
  return new ApiError(
    'UNREACHABLE',
    `The connection ended with ${code}${reason === '' ? '' : `: ${reason}`}`,
    {
      retryable: afterClose(code) === 'reconnect',
    },
  );
}
