import { allows } from '@carillon/auth';
import type { RequestNode } from '@carillon/broker';
import {
  CarillonError,
  decodeAnswer,
  encodeRequest,
  type ReceivedRequest,
  type RequestErrorBody,
  type RequestId,
} from '@carillon/protocol';
import { errorBody } from '@carillon/service';
import {
  type Counter,
  type Family,
  type Histogram,
  METRICS,
  type SpanHandle,
  type Telemetry,
} from '@carillon/telemetry';
import { PayloadFrame } from '../egress/frame.ts';
import { encodeFrame, toCarillonError } from '../egress/server-frames.ts';
import { permissionError } from '../ingress/permission-error.ts';
import type { Connection } from '../session/connection.ts';

export interface PendingRequestLimits {
  readonly maxRequestsPerConnection: number;
  readonly maxRequests: number;
  readonly requestTimeoutMs: number;
  readonly requestMaxTimeoutMs: number;
}

export interface PendingRequestsDependencies {
  readonly node: RequestNode;
  readonly telemetry: Telemetry;
  readonly limits: PendingRequestLimits;
  readonly isDraining: () => boolean;
}

type Outcome = { readonly payloadJson: string } | { readonly error: RequestErrorBody };

/** Requests of this gateway's clients. */
export class PendingRequests {
  readonly #deps: PendingRequestsDependencies;
  /** Bounded per connection and in all. */
  readonly #open = new Map<Connection, Map<RequestId, AbortController>>();
  readonly #results: Family<Counter>;
  readonly #seconds: Histogram;
  #size = 0;

  constructor(deps: PendingRequestsDependencies) {
    const { metrics } = deps.telemetry;
    this.#deps = deps;
    this.#results = metrics.counters(METRICS.requests);
    this.#seconds = metrics.histogram(METRICS.requestSeconds);
    metrics.gauge(METRICS.requestsOpen, () => this.#size);
  }

  /** Requests that are not answered. */
  get size(): number {
    return this.#size;
  }

  isAsking(connection: Connection): boolean {
    return this.#open.has(connection);
  }

  /** [RQ1] Answers once, later. */
  ask(connection: Connection, frame: ReceivedRequest): void {
    const refusal = this.#refusal(connection, frame);
    if (refusal === undefined) {
      void this.#ask(connection, frame);
      return;
    }
    this.#results.labels(refusal.code).add();
    answer(connection, frame.id, { error: errorBody(refusal) });
  }

  /** [RQ5] Without effect on what is answered already. */
  cancel(connection: Connection, re: RequestId): void {
    this.#open.get(connection)?.get(re)?.abort();
  }

  /** [RQ9] Nobody is there to be answered. */
  ended(connection: Connection): void {
    for (const abort of this.#open.get(connection)?.values() ?? []) abort.abort();
  }

  #refusal(connection: Connection, { id, method }: ReceivedRequest): CarillonError | undefined {
    const { limits, isDraining } = this.#deps;
    const identity = connection.identity!;
    if (!allows(identity.capabilities, 'request', method))
      return permissionError(identity, `asking ${method}`, 'request', { method });
    if (isDraining()) return new CarillonError('DRAINING');
    const open = this.#open.get(connection);
    if (open?.has(id) === true)
      return new CarillonError('FRAME_INVALID', `id: the request ${JSON.stringify(id)} is open`);
    const { maxRequestsPerConnection, maxRequests } = limits;
    if ((open?.size ?? 0) >= maxRequestsPerConnection)
      return new CarillonError(
        'REQUEST_LIMIT',
        `${maxRequestsPerConnection} requests of this connection wait for their answers, more are not allowed.`,
      );
    if (this.#size < maxRequests) return undefined;
    return new CarillonError(
      'REQUEST_LIMIT',
      `${maxRequests} requests of this gateway's clients wait for their answers, more are not allowed.`,
      { retryAfterMs: 1000 },
    );
  }

  async #ask(connection: Connection, frame: ReceivedRequest): Promise<void> {
    const abort = new AbortController();
    const startMs = performance.now();
    const span = this.#deps.telemetry.spans.startSpan('gateway.request', {
      parent: frame.trace,
      kind: 'server',
      attributes: { 'carillon.method': frame.method },
    });
    this.#add(connection, frame.id, abort);
    const outcome = await this.#outcome(connection, frame, span, abort.signal);
    this.#results.labels('error' in outcome ? outcome.error.code : 'answered').add();
    this.#seconds.observe((performance.now() - startMs) / 1000);
    if ('error' in outcome) span.fail(new CarillonError(outcome.error.code, outcome.error.message));
    span.end();
    // Answers of many requests at once are no reason to close a slow client.
    for (let room = connection.room(); room !== undefined; room = connection.room()) await room;
    this.#remove(connection, frame.id);
    answer(connection, frame.id, outcome);
  }

  async #outcome(
    connection: Connection,
    { method, payloadJson, timeoutMs }: ReceivedRequest,
    span: SpanHandle,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { node, limits } = this.#deps;
    const { userId, role, roles, app } = connection.identity!;
    const header = {
      ...(userId === undefined ? {} : { user: userId }),
      ...(role === undefined ? {} : { role }),
      ...(roles.length > 1 ? { roles } : {}),
      ...(connection.session === undefined ? {} : { session: connection.session }),
      connection: connection.connectionId,
      ...(span.traceparent === undefined ? {} : { trace: span.traceparent }),
    };
    const asked = {
      method: `${app}/${method}`,
      body: encodeRequest(header, payloadJson),
      timeoutMs: Math.min(timeoutMs ?? limits.requestTimeoutMs, limits.requestMaxTimeoutMs),
    } as const;
    try {
      return decodeAnswer(await node.ask(asked, signal));
    } catch (error) {
      return { error: errorBody(toCarillonError(error)) };
    }
  }

  #add(connection: Connection, id: RequestId, abort: AbortController): void {
    const open = this.#open.get(connection) ?? new Map<RequestId, AbortController>();
    open.set(id, abort);
    this.#open.set(connection, open);
    this.#size++;
  }

  #remove(connection: Connection, id: RequestId): void {
    const open = this.#open.get(connection)!;
    open.delete(id);
    if (open.size === 0) this.#open.delete(connection);
    this.#size--;
  }
}

/** The payload goes out as the responder sent it: the frame is joined, not re-encoded. */
function answer(connection: Connection, re: RequestId, outcome: Outcome): void {
  connection.sendFrame(
    'error' in outcome
      ? encodeFrame({ type: 'error', re, ...outcome.error })
      : new PayloadFrame({ type: 'response', re }, outcome.payloadJson),
  );
}
