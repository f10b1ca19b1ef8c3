import { randomUUID } from 'node:crypto';
import {
  type ErrorBody,
  type HistoryReason,
  type MessageFrame,
  type Position,
  SYSTEM_CHANNEL,
  SYSTEM_NOTIFICATION_EVENT,
  type SystemNotification,
  sessionChannel,
  stringifyPayload,
  userChannel,
} from '@carillon/protocol';
import { type ApiError, errorOfBody } from './api-error.ts';
import { checkCredentials, checkNames, httpAddress, pathSegment } from './check-options.ts';
import { checkRetry, DEFAULT_RETRY, type RetryPolicy, requestJson } from './http-request.ts';
import { mintToken } from './mint-token.ts';
import { Schedules } from './schedules.ts';
import { Sessions, Users } from './user-operations.ts';

export interface BackendClientOptions {
  /** Address of a gateway, or of the load balancer before them, e.g. `https://rt.example.com`. */
  readonly url: string;
  /** A token, or a function that gives one for each request. */
  readonly token?: string | (() => string | Promise<string>);
  /** Instead of a token: mints one that may do everything, for the user `userId`. */
  readonly jwtSecret?: string;
  /** User of minted tokens. Default `backend`. */
  readonly userId?: string;
  /** Default: 5 attempts, 200 ms to 5 s apart, 10 s each. */
  readonly retry?: Partial<RetryPolicy>;
}

export interface RequestOptions {
  /** W3C traceparent. */
  readonly trace?: string;
  /** Answer when the messages are in the database, or after 10 s without; the receipts say which. Default `false`. */
  readonly stored?: boolean;
  /**
   * Makes a repeat of this very message harmless, also one from another process; the first result is returned. Default: a new
   * one for each call, which covers the repeats that this client does by itself.
   */
  readonly idempotencyKey?: string;
}

export interface PublishOptions extends RequestOptions {
  /** Name of what happened, e.g. `trade.executed`; 1 to 128 characters. */
  readonly event?: string;
}

export interface PublishReceipt extends Position {
  readonly id: string;
  /** The server had it already. */
  readonly duplicate: boolean;
  /** Only when it was asked for: the message is in the database. */
  readonly stored: boolean | undefined;
}

export interface BatchMessage {
  readonly payload: unknown;
  readonly event?: string;
}

/** Result of one message of a batch. */
export type BatchResult = PublishReceipt | { readonly error: ApiError };

export interface HistoryQuery {
  /** Messages after this position, oldest first. */
  readonly after?: Position;
  /** Messages before this position, newest first. Neither: the newest, newest first. */
  readonly before?: Position;
  /** 1 to 1000, default 100. */
  readonly limit?: number;
}

/** A durable subscription with acknowledgements. */
export interface Consumer {
  /** Absent for anonymous users. */
  readonly user?: string;
  readonly consumer: string;
  readonly acked: Position;
  /** Messages not acknowledged; `null` when they are of another epoch. */
  readonly open: number | null;
  /** Of the last acknowledgement, milliseconds since 1970. */
  readonly at: number;
}

export interface HistoryPage {
  readonly messages: readonly MessageFrame[];
  readonly more: boolean;
  /**
   * Why the position that was given is none of the channel: messages between it and the page are lost, or may be (`epoch-changed`), or it
   * has not been reached (`position-ahead`). Absent: it is one.
   */
  readonly reason?: HistoryReason;
}

type ReceiptBody = Position & {
  readonly id: string;
  readonly duplicate?: boolean;
  readonly stored?: boolean;
};

const REQUEST_OPTIONS = ['trace', 'stored', 'idempotencyKey'];
const PUBLISH_OPTIONS = [...REQUEST_OPTIONS, 'event'];

/** Publishes and reads history over HTTP. Every request may be repeated, so passing errors are. */
export class BackendClient {
  /** Messages that are published later. */
  readonly schedules: Schedules;
  /** Users: their sessions, and ending them. */
  readonly users: Users;
  /** Single sessions. */
  readonly sessions: Sessions;
  readonly #url: string;
  readonly #retry: RetryPolicy;
  readonly #token: () => string | undefined | Promise<string | undefined>;

  /** @throws TypeError, or RangeError for a secret below 32 bytes: names the option, what was given, what is allowed. */
  constructor(options: BackendClientOptions) {
    checkNames(options, ['url', 'token', 'jwtSecret', 'userId', 'retry']);
    checkCredentials(options);
    checkRetry(options.retry);
    this.#url = httpAddress(options.url);
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#token = tokenSource(options);
    const deps = { url: this.#url, retry: this.#retry, headers: () => this.#headers() };
    this.schedules = new Schedules(deps);
    this.users = new Users(deps);
    this.sessions = new Sessions(deps);
  }

  /** Resolves when the message is in the channel's log. @throws ApiError */
  async publish(channel: string, payload: unknown, options: PublishOptions = {}): Promise<PublishReceipt> {
    checkNames(options, PUBLISH_OPTIONS);
    const { event } = options;
    const body = event === undefined ? { payload } : { payload, event };
    return receipt(await this.#post<ReceiptBody>(channel, body, options));
  }

  /**
   * Publishes messages of one channel in order, in one request. Results stand in the order of the messages. When some were refused
   * for a passing reason, the same batch with the same `idempotencyKey` may be sent again; those accepted stay as they are.
   * @throws ApiError when the whole request failed.
   */
  async publishBatch(
    channel: string,
    messages: readonly BatchMessage[],
    options: RequestOptions = {},
  ): Promise<readonly BatchResult[]> {
    checkNames(options, REQUEST_OPTIONS);
    type Body = { readonly results: readonly (ReceiptBody | { readonly error: ErrorBody })[] };
    const { results } = await this.#post<Body>(channel, { messages }, options);
    return results.map((result) =>
      'error' in result ? { error: errorOfBody(result.error) } : receipt(result),
    );
  }

  /**
   * To all sessions of a user, on all gateways, and to those that come back within the recovery window.
   * @throws ApiError
   * @throws TypeError when the id is empty or too long for a channel name.
   */
  async publishToUser(
    userId: string,
    payload: unknown,
    options: PublishOptions = {},
  ): Promise<PublishReceipt> {
    const channel = userChannel(userId);
    if (channel === undefined)
      throw new TypeError(`No personal channel can be named after ${userId || "''"}`);
    return await this.publish(channel, payload, options);
  }

  /** To one session, by the id that its client told. @throws ApiError */
  async publishToSession(
    session: string,
    payload: unknown,
    options: PublishOptions = {},
  ): Promise<PublishReceipt> {
    return await this.publish(sessionChannel(session), payload, options);
  }

  /** Of any type, to every connection of the app. @throws ApiError */
  async broadcast(payload: unknown, options: PublishOptions = {}): Promise<PublishReceipt> {
    return await this.publish(SYSTEM_CHANNEL, payload, options);
  }

  /** A notice for people, to every connection of the app. @throws ApiError */
  async notify(notification: SystemNotification, options: RequestOptions = {}): Promise<PublishReceipt> {
    return await this.broadcast(notification, { ...options, event: SYSTEM_NOTIFICATION_EVENT });
  }

  /** Reads a page of a channel's history. @throws ApiError */
  async history(channel: string, query: HistoryQuery = {}): Promise<HistoryPage> {
    checkNames(query, ['after', 'before', 'limit']);
    const url = this.#channelUrl(channel);
    for (const side of ['after', 'before'] as const) {
      const position = query[side];
      if (position === undefined) continue;
      url.searchParams.set(`${side}_epoch`, position.epoch);
      url.searchParams.set(`${side}_seq`, String(position.seq));
    }
    if (query.limit !== undefined) url.searchParams.set('limit', String(query.limit));
    const { messages, more, reason } = await requestJson<HistoryPage>(
      { method: 'GET', url, headers: await this.#headers() },
      this.#retry,
    );
    return { messages, more, ...(reason !== undefined && { reason }) };
  }

  /** How far each consumer of a channel has got. @throws ApiError */
  async consumers(channel: string): Promise<readonly Consumer[]> {
    const url = new URL(`${this.#url}/v1/channels/${pathSegment('channel', channel)}/consumers`);
    const request = { method: 'GET', url, headers: await this.#headers() } as const;
    return (await requestJson<{ readonly consumers: readonly Consumer[] }>(request, this.#retry)).consumers;
  }

  async #post<Answer>(channel: string, body: object, options: RequestOptions): Promise<Answer> {
    const { idempotencyKey = randomUUID(), trace, stored = false } = options;
    const headers = {
      ...(await this.#headers()),
      'content-type': 'application/json',
      'idempotency-key': idempotencyKey,
      ...(trace === undefined ? {} : { traceparent: trace }),
    };
    const url = this.#channelUrl(channel);
    if (stored) url.searchParams.set('stored', 'true');
    return requestJson<Answer>({ method: 'POST', url, headers, body: stringifyPayload(body) }, this.#retry);
  }

  #channelUrl(channel: string): URL {
    return new URL(`${this.#url}/v1/channels/${pathSegment('channel', channel)}/messages`);
  }

  async #headers(): Promise<Record<string, string>> {
    const token = await this.#token();
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  }
}

function receipt({ epoch, seq, id, duplicate = false, stored }: ReceiptBody): PublishReceipt {
  return { epoch, seq, id, duplicate, stored };
}

function tokenSource(options: BackendClientOptions): () => string | undefined | Promise<string | undefined> {
  const { token, jwtSecret: secret, userId = 'backend' } = options;
  if (typeof token === 'function') return token;
  if (token !== undefined || secret === undefined) return () => token;
  return mintedTokens(secret, userId);
}

const MINTED_FOR_MS = 600_000;

/** One token serves for half of its life. */
function mintedTokens(secret: string, userId: string): () => Promise<string> {
  let current: Promise<string> | undefined;
  let renewAtMs = 0;
  return () => {
    if (current !== undefined && Date.now() < renewAtMs) return current;
    renewAtMs = Date.now() + MINTED_FOR_MS / 2;
    const all = ['subscribe', 'publish', 'presence', 'history'] as const;
    const capabilities = { '*': all, '#*': [...all, 'control'] } as const;
    current = mintToken({ secret, userId, capabilities, expiresInMs: MINTED_FOR_MS });
    return current;
  };
}
