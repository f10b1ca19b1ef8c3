import type { ConnectedFrame, ServerFrame } from '@carillon/protocol';
import { errorOfBody } from './api-error.ts';
import { checkCredentials, checkNames, checkNumber, httpAddress, MAX_TIMER_MS } from './check-options.ts';
import { deferred } from './deferred.ts';
import { mintToken } from './mint-token.ts';
import { type WorkerBackoff, WorkerConnection, type WorkerSocketConstructor } from './worker-connection.ts';
import { type RequestHandler, WorkerRequests } from './worker-requests.ts';

export interface WorkerOptions {
  /** Address of a gateway, or of the load balancer before them, e.g. `https://rt.example.com`. */
  readonly url: string;
  /** A token with the capability `answer` for the methods, or a function that gives one whenever one is needed. */
  readonly token?: string | (() => string | Promise<string>);
  /** Instead of a token: mints one that may answer these methods and nothing else. */
  readonly jwtSecret?: string;
  /** User of minted tokens. Default `worker`. */
  readonly userId?: string;
  /** App of minted tokens. Default: that of an installation which has only one. */
  readonly app?: string;
  /** Handlers by method. */
  readonly methods: Readonly<Record<string, RequestHandler>>;
  /** Requests at a time, 1 to 1000. Default 10. */
  readonly concurrency?: number;
  /** A handler that goes on for this long after its request was cancelled is left alone, in milliseconds. Default 10,000. */
  readonly cancelGraceMs?: number;
  readonly backoff?: Partial<WorkerBackoff>;
  /** Instead of the global `WebSocket`, which Node has from 22 on: that of the package `ws`. */
  readonly webSocket?: WorkerSocketConstructor;
  /** This gateway hands out requests from now on. */
  readonly onConnected?: (gateway: string) => void;
  /** The worker comes back by itself. */
  readonly onDisconnected?: (code: number, reason: string) => void;
  /** Called for a handler's exception (with its method) and for connection errors. Default: they are dropped. */
  readonly onError?: (error: Error, method?: string) => void;
}

export interface Worker {
  /** Resolves when requests may come. @throws ApiError when they never will: the token is refused and there is no other, or the secret is the wrong one. */
  start(): Promise<void>;
  /** Takes nothing more, answers what it has for at most `timeoutMs` (default 30,000), and leaves. What is left then is aborted. */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
}

const MINTED_FOR_MS = 3_600_000;

/**
 * A back end that answers requests of clients. Connects itself, and comes back when the connection breaks.
 * @throws TypeError, or RangeError for a secret below 32 bytes: names the option, what was given, what is allowed
 */
export function createWorker(options: WorkerOptions): Worker {
  checkOptions(options);
  return new RequestWorker(options);
}

class RequestWorker implements Worker {
  readonly #options: WorkerOptions;
  readonly #connection: WorkerConnection;
  readonly #requests: WorkerRequests;
  readonly #started = deferred<void>();
  readonly #left = deferred<void>();
  #gateway = '';
  #running: Promise<void> | undefined;
  #serveId = 0;
  #isLeaving = false;
  #isUp = false;
  #everServed = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#requests = new WorkerRequests({
      methods: options.methods,
      cancelGraceMs: options.cancelGraceMs ?? 10_000,
      respond: (members) => this.#connection.send(`{"id":${this.#connection.nextId()},${members}}`),
      onError: (error, method) => options.onError?.(error, method === '' ? undefined : method),
    });
    this.#connection = new WorkerConnection({
      url: socketUrl(options.url),
      webSocket: options.webSocket ?? (globalThis.WebSocket as unknown as WorkerSocketConstructor),
      token: tokenSource(options),
      canRenew: () => this.#canRenew(),
      backoff: { initialMs: 500, maxMs: 15_000, ...options.backoff },
      onUp: (connected) => this.#onUp(connected),
      onDown: (code, reason) => this.#onDown(code, reason),
      onFrame: (frame) => this.#onFrame(frame),
      onError: (error) => options.onError?.(error),
    });
  }

  start(): Promise<void> {
    this.#running ??= this.#connection.run().catch((error: Error) => {
      this.#started.reject(error);
      this.#options.onError?.(error);
    });
    return this.#started.promise;
  }

  async stop({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#isLeaving = true;
    if (this.#isUp) {
      this.#serve([]);
      const { promise: late, resolve } = deferred<void>();
      const timer = setTimeout(resolve, timeoutMs);
      await Promise.race([this.#left.promise.then(() => this.#requests.idle()), late]);
      clearTimeout(timer);
    }
    this.#connection.close();
    await this.#running;
    this.#requests.abortAll();
    this.#started.promise.catch(() => undefined); // whoever started it was told, or is stopping it
    this.#started.reject(new Error('The worker was stopped before it was connected'));
  }

  /** Tokens of one secret are all good or all wrong: where the first one is refused, the secret is the wrong one. */
  #canRenew(): boolean {
    const { token, jwtSecret } = this.#options;
    return (
      typeof token === 'function' || (token === undefined && jwtSecret !== undefined && this.#everServed)
    );
  }

  #serve(methods: readonly string[]): void {
    const { concurrency = 10 } = this.#options;
    this.#serveId = this.#connection.nextId();
    this.#connection.send(JSON.stringify({ type: 'serve', id: this.#serveId, methods, concurrency }));
  }

  #onUp({ gateway, limits }: ConnectedFrame): void {
    this.#isUp = true;
    this.#gateway = gateway;
    this.#requests.maxFrameBytes = limits.maxFrameBytes;
    this.#serve(this.#isLeaving ? [] : Object.keys(this.#options.methods));
  }

  #onDown(code: number, reason: string): void {
    this.#isUp = false;
    this.#requests.abortAll();
    if (this.#isLeaving) this.#left.resolve();
    else this.#options.onDisconnected?.(code, reason);
  }

  #onFrame(frame: ServerFrame): void {
    if (frame.type === 'request') this.#requests.take(frame);
    else if (frame.type === 'cancel') this.#requests.cancel(frame.re);
    else if (frame.type === 'serving' && frame.re === this.#serveId) this.#onServing();
    else if (frame.type === 'error') {
      const error = errorOfBody(frame);
      if (frame.re === this.#serveId) this.#onNotServing(error);
      else this.#options.onError?.(error);
    }
  }

  /** Another token may allow it: the first time it is for whoever starts the worker to know, later it is tried again. */
  #onNotServing(error: Error): void {
    this.#options.onError?.(error);
    this.#started.reject(error);
    if (this.#everServed) this.#connection.drop();
    else this.#connection.close();
  }

  #onServing(): void {
    if (this.#isLeaving) this.#left.resolve();
    else {
      this.#everServed = true;
      this.#started.resolve();
      this.#options.onConnected?.(this.#gateway);
    }
  }
}

const OPTIONS = [
  ...['url', 'token', 'jwtSecret', 'userId', 'app', 'methods', 'concurrency', 'cancelGraceMs', 'backoff'],
  ...['webSocket', 'onConnected', 'onDisconnected', 'onError'],
];

function checkOptions(options: WorkerOptions): void {
  const { methods, concurrency, cancelGraceMs, backoff } = options;
  checkNames(options, OPTIONS);
  checkNames(backoff, ['initialMs', 'maxMs'], 'backoff.');
  if (options.webSocket === undefined && globalThis.WebSocket === undefined)
    throw new TypeError(
      'No global WebSocket (Node has one from 22 on): pass that of the package ws as webSocket',
    );
  checkCredentials(options);
  checkNumber('concurrency', concurrency, 1, 1000);
  checkNumber('cancelGraceMs', cancelGraceMs, 0, MAX_TIMER_MS);
  checkNumber('backoff.initialMs', backoff?.initialMs, 1, MAX_TIMER_MS);
  checkNumber('backoff.maxMs', backoff?.maxMs, 1, MAX_TIMER_MS);
  const handlers = Object.entries(methods ?? {});
  if (handlers.length === 0) throw new TypeError('Option methods names no method; give a function for each');
  for (const [method, handler] of handlers)
    if (typeof handler !== 'function')
      throw new TypeError(`Option methods.${method} is ${typeof handler}; give a function`);
}

const socketUrl = (given: string): string => `${httpAddress(given).replace(/^http/, 'ws')}/v1/ws`;

/** Upper bound, as for the patterns of a token. */
const MAX_PATTERNS = 256;

function tokenSource(options: WorkerOptions): () => string | undefined | Promise<string | undefined> {
  const { token, jwtSecret: secret, userId = 'worker', app, methods } = options;
  if (typeof token === 'function') return token;
  if (token !== undefined || secret === undefined) return () => token;
  const names = Object.keys(methods);
  const patterns = names.length > MAX_PATTERNS ? ['*'] : names;
  const capabilities = Object.fromEntries(patterns.map((pattern) => [pattern, ['answer'] as const]));
  const claims = app === undefined ? {} : { app };
  return () => mintToken({ secret, userId, capabilities, claims, expiresInMs: MINTED_FOR_MS });
}
