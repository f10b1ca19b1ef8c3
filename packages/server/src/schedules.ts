import { randomUUID } from 'node:crypto';
import { type ScheduledMessage, stringifyPayload } from '@carillon/protocol';
import { checkNames, pathSegment } from './check-options.ts';
import { type RetryPolicy, requestJson } from './http-request.ts';

/** When a message is to be published: one of the two. */
export type When =
  /** A time, as Date or milliseconds since 1970; it has to be ahead, by the clock of the database. */
  | { readonly deliverAt: Date | number; readonly delayMs?: never }
  /** Milliseconds from now, by the clock of the database. */
  | { readonly delayMs: number; readonly deliverAt?: never };

export type ScheduleOptions = When & {
  readonly event?: string;
  /** W3C traceparent. */
  readonly trace?: string;
  /** The same key with the same content schedules once. Default: a new one for each call, which covers the client's own repeats. */
  readonly idempotencyKey?: string;
};

export interface ScheduleQuery {
  readonly channel?: string;
  readonly state?: ScheduledMessage['state'];
  /** 1 to 200. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface SchedulePage {
  /** In the order in which they are due. */
  readonly schedules: readonly ScheduledMessage[];
  /** Absent on the last page. */
  readonly next?: string;
}

export interface SchedulesDependencies {
  readonly url: string;
  readonly retry: RetryPolicy;
  readonly headers: () => Promise<Record<string, string>>;
}

/** Messages that are published once, later. Every request may be repeated, so passing errors are. */
export class Schedules {
  readonly #deps: SchedulesDependencies;

  constructor(deps: SchedulesDependencies) {
    this.#deps = deps;
  }

  /** @throws ApiError `SCHEDULE_IN_PAST`, `SCHEDULE_TOO_FAR`, `SCHEDULE_LIMIT`, `IDEMPOTENCY_CONFLICT`, ... */
  async add(channel: string, payload: unknown, options: ScheduleOptions): Promise<ScheduledMessage> {
    checkNames(options, ['event', 'deliverAt', 'delayMs', 'trace', 'idempotencyKey']);
    const { event, deliverAt, delayMs, trace, idempotencyKey = randomUUID() } = options;
    const body = stringifyPayload({
      payload,
      ...(event === undefined ? {} : { event }),
      ...(deliverAt === undefined ? { delayMs } : { deliverAt: Number(deliverAt) }),
    });
    const headers = {
      'content-type': 'application/json',
      'idempotency-key': idempotencyKey,
      ...(trace === undefined ? {} : { traceparent: trace }),
    };
    return await this.#request(
      'POST',
      `/v1/channels/${pathSegment('channel', channel)}/schedules`,
      headers,
      body,
    );
  }

  /** @throws ApiError */
  async list(query: ScheduleQuery = {}): Promise<SchedulePage> {
    const parameters = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    );
    return await this.#request('GET', `/v1/schedules?${parameters}`);
  }

  /** @throws ApiError `NOT_FOUND` */
  async find(id: string): Promise<ScheduledMessage> {
    return await this.#request('GET', `/v1/schedules/${pathSegment('id', id)}`);
  }

  /** Again does no harm. @throws ApiError `SCHEDULE_NOT_PENDING` when it is published or being published. */
  async cancel(id: string): Promise<ScheduledMessage> {
    return await this.#request('DELETE', `/v1/schedules/${pathSegment('id', id)}`);
  }

  async #request<Answer>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<Answer> {
    const { url, retry } = this.#deps;
    return await requestJson<Answer>(
      {
        method,
        url: new URL(url + path),
        headers: { ...(await this.#deps.headers()), ...headers },
        ...(body === undefined ? {} : { body }),
      },
      retry,
    );
  }
}
