import type { Socket } from 'node:net';
import { CarillonError } from '@carillon/protocol';
import type { Redis } from 'ioredis';
import { command } from './resp-command.ts';
import { ProtocolBreak, RedisReplyError, type Reply, RespReader } from './resp-reader.ts';

/** There was no connection: nothing was sent, nothing was done. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError';
}

/** The connection ended, or Redis stood still, before the answer came: nobody knows what was done. */
class NoReplyError extends Error {
  override readonly name = 'NoReplyError';
}

export interface PipelinedConnectionOptions {
  /** Makes the connection, and makes it again; whoever has it must not send commands with it. */
  readonly redis: Redis;
  /** Without any answer for this long, although one is due, the connection is given up. */
  readonly replyTimeoutMs: number;
  /** When nothing has come for this long, and nothing is due, a PING asks whether the other side is still there. Default: never. */
  readonly pingWhenSilentMs?: number;
  /** Calls to be answered before the connection is used, e.g. to load scripts. A rejection ends the connection. */
  readonly prepare?: (wire: PipelinedConnection) => Promise<void>;
  /** Each time that a connection is prepared. */
  readonly onReady?: () => void;
  /** A push of a subscription on this connection: its kind, channel and text. */
  readonly onPush?: (push: Reply) => void;
  readonly onError: (error: Error) => void;
}

type OnReply = (reply: Reply) => void;
type OnFailure = (error: Error) => void;

interface Pending {
  readonly onReply: OnReply;
  readonly onFailure: OnFailure;
  readonly sentMs: number;
  /** Errors come before its last answer, see {@link PipelinedConnection.subscribe}. */
  readonly isSubscription: boolean;
}

/** Handled ones are taken out of the front in blocks. */
const COMPACT_AT = 1024;
const WATCH_MS = 500;
const PING = command('PING');

/**
 * The way of publishes and feeds to Redis: bytes that were made ready out, replies to whoever waits for them in, in order. The client
 * library makes the connection (TLS, user, retries); a command object, a promise and a generic decoder for every command were half of what
 * a gateway's publish cost.
 *
 * Nothing is repeated and nothing is kept for later: see connect().
 */
export class PipelinedConnection {
  readonly #options: PipelinedConnectionOptions;
  #socket: Socket | undefined;
  #isReady = false;
  #pending: Pending[] = [];
  #first = 0;
  #out = '';
  #isFlushing = false;
  #lastReplyMs = 0;
  #watch: NodeJS.Timeout | undefined;
  /** Bounded by those who start, and the one who appends. */
  #onReady: (() => void)[] = [];

  constructor(options: PipelinedConnectionOptions) {
    this.#options = options;
    const { redis } = options;
    redis.on('ready', () => this.#adopt(redis.stream as Socket));
    redis.on('close', () => this.#lost('the connection to Redis ended'));
  }

  /** Connected and prepared. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Resolves the next time that it is ready. */
  nextReady(): Promise<void> {
    return new Promise((resolve) => this.#onReady.push(resolve));
  }

  /** Resolves when it is ready, however often it has to be tried. @throws CarillonError UNAVAILABLE when `signal` aborts */
  async untilReady(signal?: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const onAbort = (): void => resolve();
    signal?.addEventListener('abort', onAbort, { once: true });
    while (!this.#isReady && signal?.aborted !== true) await Promise.race([this.nextReady(), aborted]);
    signal?.removeEventListener('abort', onAbort);
    if (signal?.aborted === true) throw new CarillonError('UNAVAILABLE', 'Gave up waiting for Redis.');
  }

  /** Exactly one of the two is called, `onFailure` with a {@link NotSentError} or a {@link NoReplyError}, possibly before this returns. */
  send(bytes: string, onReply: OnReply, onFailure: OnFailure): void {
    this.#send(bytes, onReply, onFailure, false);
  }

  #send(bytes: string, onReply: OnReply, onFailure: OnFailure, isSubscription: boolean): void {
    if (this.#socket === undefined) {
      onFailure(new NotSentError('there is no connection to Redis'));
      return;
    }
    const sentMs = performance.now();
    this.#pending.push({ onReply, onFailure, sentMs, isSubscription });
    this.#out += bytes;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => this.#flush());
  }

  /** As `send`; an error that Redis answers rejects as well. */
  call(bytes: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.send(
        bytes,
        (reply) => (reply instanceof RedisReplyError ? reject(reply) : resolve(reply)),
        reject,
      );
    });
  }

  /**
   * Subscribes to shard channels, which may lie in different slots. Rejects with what Redis answers when it doesn't allow one of them. A
   * subscription is confirmed by a push and refused by a reply, so the reply to a PING behind them says that there is no more to come.
   */
  subscribe(channels: readonly string[]): Promise<void> {
    const bytes = channels.map((channel) => command('SSUBSCRIBE', channel)).join('') + PING;
    let refusal: RedisReplyError | undefined;
    return new Promise((resolve, reject) => {
      const onReply = (reply: Reply): void => {
        if (reply instanceof RedisReplyError) refusal = reply;
        else if (refusal === undefined) resolve();
        else reject(refusal);
      };
      this.#send(bytes, onReply, reject, true);
    });
  }

  /** Commands sent within one turn leave in one write. */
  #flush(): void {
    const bytes = this.#out;
    this.#out = '';
    this.#isFlushing = false;
    this.#socket?.write(bytes);
  }

  #adopt(socket: Socket): void {
    this.#socket = socket;
    // The library's decoder would take our replies for answers to commands that it does not know.
    socket.removeAllListeners('data');
    const reader = new RespReader(
      (reply) => this.#answer(reply),
      (push) => this.#options.onPush?.(push),
    );
    socket.on('data', (chunk: Buffer) => this.#read(socket, reader, chunk));
    this.#lastReplyMs = performance.now();
    clearInterval(this.#watch);
    // After a pause of this process, what came meanwhile is read before anybody says that nothing came.
    this.#watch = setInterval(() => setImmediate(() => this.#giveUpWhenSilent(socket)), WATCH_MS);
    this.#watch.unref();
    const { prepare, onError } = this.#options;
    if (prepare === undefined) {
      this.#ready();
      return;
    }
    prepare(this).then(
      () => {
        if (this.#socket === socket) this.#ready();
      },
      (error: Error) => {
        onError(error);
        socket.destroy();
      },
    );
  }

  #ready(): void {
    this.#isReady = true;
    this.#options.onReady?.();
    for (const resolve of this.#onReady.splice(0)) resolve();
  }

  #read(socket: Socket, reader: RespReader, chunk: Buffer): void {
    if (socket !== this.#socket) return;
    this.#lastReplyMs = performance.now();
    try {
      reader.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolBreak)) throw error;
      this.#options.onError(error);
      socket.destroy();
    }
  }

  #answer(reply: Reply): void {
    const next = this.#pending[this.#first];
    if (next === undefined) throw new ProtocolBreak('Redis answered what nobody asked');
    if (next.isSubscription && reply instanceof RedisReplyError) {
      next.onReply(reply);
      return;
    }
    this.#first++;
    if (this.#first === this.#pending.length || this.#first >= COMPACT_AT) {
      this.#pending = this.#pending.slice(this.#first);
      this.#first = 0;
    }
    next.onReply(reply);
  }

  #giveUpWhenSilent(socket: Socket): void {
    if (socket !== this.#socket) return;
    const oldest = this.#pending[this.#first];
    if (oldest === undefined) {
      this.#askWhenSilent();
      return;
    }
    const silentMs = performance.now() - Math.max(oldest.sentMs, this.#lastReplyMs);
    if (silentMs <= this.#options.replyTimeoutMs) return;
    this.#options.onError(new NoReplyError(`Redis has not answered for ${Math.round(silentMs)} ms`));
    socket.destroy();
    this.#lost(`Redis has not answered for ${Math.round(silentMs)} ms`);
  }

  #askWhenSilent(): void {
    const { pingWhenSilentMs = Number.POSITIVE_INFINITY, onError } = this.#options;
    if (performance.now() - this.#lastReplyMs >= pingWhenSilentMs) this.call(PING).catch(onError);
  }

  #lost(reason: string): void {
    clearInterval(this.#watch);
    const waiting = this.#pending.slice(this.#first);
    this.#socket = undefined;
    this.#isReady = false;
    this.#pending = [];
    this.#first = 0;
    this.#out = '';
    for (const { onFailure } of waiting) onFailure(new NoReplyError(reason));
  }
}
