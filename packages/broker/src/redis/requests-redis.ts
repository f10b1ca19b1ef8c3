import { CarillonError } from '@carillon/protocol';
import { type Logger, RepeatedLog } from '@carillon/telemetry';
import type { Redis } from 'ioredis';
import type { BrokerLimits } from '../ports.ts';
import type { AnswerRequest, AskedRequest, GivenRequest, MethodKey, RequestNode } from '../requests.ts';
import { Asker, type NamedRequest } from '../requests-asker.ts';
import { MAX_WAITING, STALE_HEARTBEATS } from '../requests-limits.ts';
import { type RequestResult, Responder } from '../requests-responder.ts';
import { unavailable, wasNotDone } from './connection.ts';
import type { Keys } from './keys.ts';
import { FIELDS, packAnswer, packRequest, RequestInbox } from './requests-inbox.ts';
import { runScript } from './scripts.ts';

/** Entries of an inbox that nobody has read; a node that has more is not asked. */
const MAX_UNREAD = 4096;
/** Answers and cancellations that a node that is gone doesn't read any more. */
const INBOX_MAX_ENTRIES = 20_000;
/** Keys of a node that is gone live as long as this, at least. */
const MIN_TTL_MS = 60_000;
const METHODS_PER_CALL = 200;
const REPLY_RETRY_MS = 200;

export interface RedisRequestsDependencies {
  readonly redis: Redis;
  /** A connection of the reader's own: it blocks. */
  readonly openReader: () => Redis;
  readonly keys: Pick<Keys, 'requests' | 'inbox'>;
  readonly limits: BrokerLimits;
  readonly logger: Logger;
}

/** A node of request and response. Keys: docs/architecture/design.md. */
export class RedisRequests implements RequestNode {
  readonly node: string;
  readonly #deps: RedisRequestsDependencies;
  readonly #asker: Asker;
  readonly #responder: Responder;
  readonly #inbox: RequestInbox;
  readonly #log: RepeatedLog;
  readonly #base: string;
  readonly #staleMs: number;
  readonly #ttlMs: number;
  #offers: ReadonlyMap<MethodKey, number> = new Map();
  /** Methods that may stand in Redis for this node. */
  #registered = new Set<MethodKey>();
  #beats: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #nextBeat: Promise<void> | undefined;
  /** Time of Redis, minus the monotonic clock of this process. */
  #clockMs: number | undefined;
  /** Until then, by the clock of Redis, nobody takes this node for gone. */
  #trustedUntilMs = 0;
  /** Since then no heartbeat failed, by the monotonic clock. */
  #steadySinceMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(node: string, answer: AnswerRequest, deps: RedisRequestsDependencies) {
    this.node = node;
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.logger);
    this.#base = deps.keys.requests();
    this.#staleMs = STALE_HEARTBEATS * deps.limits.gatewayHeartbeatMs;
    this.#ttlMs = Math.max(MIN_TTL_MS, 10 * this.#staleMs);
    this.#asker = new Asker({
      node,
      dispatch: (request, tried) => this.#dispatch(request, tried),
      cancel: (to, id) => this.#cancel(to, id),
    });
    this.#responder = new Responder({
      answer,
      reply: (asker, request, result) => void this.#reply(asker, request, result),
    });
    this.#inbox = new RequestInbox({
      ...deps,
      key: deps.keys.inbox(node),
      handler: {
        onRequest: (asker, request, writtenMs) =>
          this.#responder.take(asker, {
            ...request,
            mayBegin: () => this.#isTrusted,
            timeoutMs: request.timeoutMs - Math.max(0, this.#redisNowMs(writtenMs) - writtenMs),
          }),
        onCancel: (id) => this.#responder.cancel(id),
        onAnswer: (...answer) => this.#asker.onAnswer(...answer),
      },
    });
  }

  ask(request: AskedRequest, signal: AbortSignal): Promise<string> {
    this.#begin();
    return this.#asker.ask(request, signal);
  }

  async offer(methods: ReadonlyMap<MethodKey, number>): Promise<void> {
    if (methods.size === 0 && this.#offers.size === 0) return;
    this.#begin();
    this.#offers = new Map(methods);
    await this.#beat();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#beats);
    this.#asker.stop();
    this.#responder.stop();
    if (this.#beats === undefined) return;
    this.#offers = new Map();
    await this.#inbox.stop();
    await this.#beat();
    const { redis, keys } = this.#deps;
    await this.#unlessAway(async () => {
      await redis.hdel(`${this.#base}nodes`, this.node);
      await redis.del(keys.inbox(this.node));
    }, 'could not leave the requests; others will find this node silent');
  }

  /** The first request or offer of this node. */
  #begin(): void {
    if (this.#stopped) throw new CarillonError('UNAVAILABLE', 'This node has stopped.');
    if (this.#beats !== undefined) return;
    this.#inbox.start();
    this.#beats = setInterval(() => {
      if (this.#isInUse) void this.#beat();
    }, this.#deps.limits.gatewayHeartbeatMs);
  }

  get #isInUse(): boolean {
    return this.#othersRely || this.#asker.size > 0;
  }

  get #othersRely(): boolean {
    return this.#offers.size > 0 || this.#responder.size > 0;
  }

  /** After a pause of this process, others may have told its askers that it is gone. */
  get #isTrusted(): boolean {
    return this.#redisNowMs(Number.POSITIVE_INFINITY) < this.#trustedUntilMs;
  }

  #redisNowMs(fallback: number): number {
    return this.#clockMs === undefined ? fallback : this.#clockMs + performance.now();
  }

  async #dispatch(request: NamedRequest, tried: readonly string[]): Promise<string> {
    const entry = packRequest(this.node, request);
    const bounds = [MAX_UNREAD, MAX_WAITING, this.#ttlMs, Math.random()];
    const reply = await runScript(this.#deps.redis, 'request-ask', this.#base, [
      request.method,
      entry,
      ...bounds,
      ...tried,
    ]).catch((error: unknown) => {
      if (wasNotDone(error)) throw unavailable(error);
      throw new CarillonError(
        'OUTCOME_UNKNOWN',
        'The broker did not answer: the request may have reached a back end or not.',
        { cause: error },
      );
    });
    if (reply === 0) throw new CarillonError('NO_RESPONDER');
    if (reply === 1) throw new CarillonError('RESPONDER_BUSY', undefined, { retryAfterMs: 1000 });
    return String(reply);
  }

  #cancel(to: string, id: string): void {
    const key = this.#deps.keys.inbox(to);
    // A node that is gone doesn't need it, and one that can't be told has its own clock.
    void this.#unlessAway(
      () =>
        this.#deps.redis.xadd(key, 'NOMKSTREAM', 'MAXLEN', '~', INBOX_MAX_ENTRIES, '*', FIELDS.cancel, id),
      'a cancellation could not be handed on',
    );
  }

  /** While Redis is away an answer waits as long as somebody waits for it. */
  async #reply(asker: string, request: GivenRequest, result: RequestResult): Promise<void> {
    const untilMs = performance.now() + request.timeoutMs;
    do {
      if (
        await this.#unlessAway(
          () => this.#replyOnce(asker, request, result),
          'an answer could not be handed on',
        )
      )
        return;
      await new Promise((resolve) => setTimeout(resolve, REPLY_RETRY_MS));
    } while (result !== undefined && !this.#stopped && performance.now() < untilMs);
  }

  async #replyOnce(asker: string, { id, method }: GivenRequest, result: RequestResult): Promise<void> {
    const { redis, keys } = this.#deps;
    const pipeline = redis.pipeline();
    const loads = `${this.#base}w:${method}`;
    pipeline.hincrby(loads, this.node, -1);
    pipeline.pexpire(loads, this.#ttlMs);
    if (result !== undefined) {
      const key = keys.inbox(asker);
      const packed = packAnswer(id, result.isOk, result.text);
      pipeline.xadd(key, 'MAXLEN', '~', INBOX_MAX_ENTRIES, '*', FIELDS.answer, packed);
      pipeline.pexpire(key, this.#ttlMs);
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  }

  /** One at a time; a call while one is under way has its own after it. */
  #beat(): Promise<void> {
    const next = async (): Promise<void> => {
      await this.#beating;
      this.#nextBeat = undefined;
      this.#beating = this.#unlessAway(() => this.#beatOnce(), 'the heartbeat of requests failed').then(
        (succeeded) => {
          if (!succeeded) this.#steadySinceMs = performance.now();
        },
      );
      await this.#beating;
    };
    this.#nextBeat ??= next();
    return this.#nextBeat;
  }

  async #beatOnce(): Promise<void> {
    await this.#withdraw();
    const offers = [...this.#offers];
    const othersRely = this.#othersRely;
    for (const [method] of offers) this.#registered.add(method);
    for (let at = 0; at === 0 || at < offers.length; at += METHODS_PER_CALL) {
      const part = offers.slice(at, at + METHODS_PER_CALL);
      const reply = (await runScript(this.#deps.redis, 'request-beat', this.#base, [
        this.node,
        this.#ttlMs,
        this.#staleMs,
        othersRely ? 1 : 0,
        this.#inbox.lastId,
        part.length,
        ...part.flatMap(([method, capacity]) => [method, capacity, this.#responder.load(method)]),
        ...(at === 0 ? this.#asker.targets() : []),
      ])) as [number, string, ...string[]];
      const [nowMs, newest, ...gone] = reply;
      this.#clockMs = nowMs - performance.now();
      if (othersRely) this.#trustedUntilMs = nowMs + this.#staleMs;
      this.#inbox.onNewest(newest);
      // After an outage of Redis everybody was silent: the others have as long to say that they live as they always have.
      if (gone.length > 0 && performance.now() - this.#steadySinceMs >= this.#staleMs)
        this.#asker.lost(new Set(gone));
    }
  }

  async #withdraw(): Promise<void> {
    const over = [...this.#registered].filter((method) => !this.#offers.has(method));
    if (over.length === 0) return;
    const pipeline = this.#deps.redis.pipeline();
    for (const method of over) {
      pipeline.hdel(`${this.#base}m:${method}`, this.node);
      pipeline.hdel(`${this.#base}w:${method}`, this.node);
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
    for (const method of over) this.#registered.delete(method);
  }

  /** `false`: it failed, which was logged. */
  async #unlessAway(work: () => Promise<unknown>, complaint: string): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#log.warn({ err: error, node: this.node }, complaint);
      return false;
    }
  }
}
