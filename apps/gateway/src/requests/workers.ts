import { allows } from '@carillon/auth';
import type { AnswerRequest, GivenRequest, MethodKey } from '@carillon/broker';
import {
  CarillonError,
  decodeRequest,
  encodeAnswer,
  type ReceivedResponse,
  type ResponderFailure,
  type ServeFrame,
} from '@carillon/protocol';
import { type Logger, METRICS, type Telemetry } from '@carillon/telemetry';
import { type Frame, PayloadFrame } from '../egress/frame.ts';
import { encodeFrame } from '../egress/server-frames.ts';
import { permissionError } from '../ingress/permission-error.ts';
import type { Connection } from '../session/connection.ts';
import { hasRoom, type PendingRequest, type Worker, WorkerPools } from './worker-pool.ts';

/** Each is written down anew with every heartbeat. */
const MAX_METHODS = 5000;

export interface WorkersDependencies {
  readonly telemetry: Telemetry;
  /** Requests given to this gateway, waiting or with a worker. */
  readonly maxRequests: number;
  /** The methods that this gateway has workers for, or their number, changed. */
  readonly offer: (methods: ReadonlyMap<MethodKey, number>) => Promise<void>;
}

/** Connections that answer requests, and what they have. */
export class Workers {
  readonly #deps: WorkersDependencies;
  readonly #workers = new Map<Connection, Worker>();
  readonly #pools = new WorkerPools();
  readonly #logger: Logger;
  #order = 0;
  #given = 0;

  constructor(deps: WorkersDependencies) {
    const { metrics } = deps.telemetry;
    this.#deps = deps;
    this.#logger = deps.telemetry.loggerOf('requests');
    metrics.gauge(METRICS.requestWorkers, () => this.#workers.size);
    metrics.gauge(METRICS.requestsWaiting, () => this.#pools.waiting);
  }

  /** Requests that are not answered, cancelled ones not counted. */
  get size(): number {
    return this.#given;
  }

  isWorking(connection: Connection): boolean {
    return (this.#workers.get(connection)?.given.size ?? 0) > 0;
  }

  /** [WK1] Resolves when requests may come. @throws CarillonError PERMISSION_DENIED */
  async serve(connection: Connection, { methods, concurrency = 1 }: ServeFrame): Promise<void> {
    const identity = connection.identity!;
    const { capabilities, app } = identity;
    const refused = methods.find((method) => !allows(capabilities, 'answer', method));
    if (refused !== undefined)
      throw permissionError(identity, `answering ${refused}`, 'answer', { method: refused });
    const keys = new Set(methods.map((method) => `${app}/${method}` as const));
    if (this.#pools.sizeWith(keys) > MAX_METHODS)
      throw new CarillonError(
        'REQUEST_LIMIT',
        `The workers of this gateway answer ${MAX_METHODS} methods, more are not allowed.`,
      );
    const worker = this.#workers.get(connection) ?? newWorker(connection);
    worker.concurrency = concurrency;
    this.#workers.set(connection, worker);
    const offered = this.#assign(worker, keys);
    this.#pump(worker);
    await offered;
    this.#logger.info(
      {
        connectionId: connection.connectionId,
        user: connection.identity?.userId,
        methods: methods.length,
        concurrency,
      },
      'a worker answers requests',
    );
  }

  /** [WK7] */
  onRefresh(connection: Connection): void {
    const worker = this.#workers.get(connection);
    if (worker === undefined) return;
    const { capabilities } = connection.identity!;
    const left = [...worker.methods].filter((method) => allows(capabilities, 'answer', nameOf(method)));
    if (left.length === worker.methods.size) return;
    void this.#assign(worker, new Set(left));
    connection.sendFrame(encodeFrame({ type: 'serving', methods: left.map(nameOf) }));
  }

  /** [WK3] @throws CarillonError REQUEST_UNKNOWN */
  onResponse(connection: Connection, frame: ReceivedResponse): void {
    const worker = this.#workers.get(connection);
    const pending = worker?.given.get(frame.re);
    if (worker === undefined || pending === undefined)
      throw new CarillonError(
        'REQUEST_UNKNOWN',
        `This connection has no open request ${JSON.stringify(frame.re)}: it never had it, or has answered it.`,
      );
    worker.given.delete(frame.re);
    if ('error' in frame) pending.span?.fail(new CarillonError('RESPONDER_ERROR', frame.error.message));
    pending.span?.end();
    pending.resolve(
      encodeAnswer(
        'error' in frame ? { error: failureBody(frame.error) } : { payloadJson: frame.payloadJson },
      ),
    );
    this.#pump(worker);
  }

  /** [WK6] */
  ended(connection: Connection): void {
    const worker = this.#workers.get(connection);
    if (worker === undefined) return;
    this.#workers.delete(connection);
    const lost = new CarillonError('RESPONDER_LOST');
    for (const { reject, span } of worker.given.values()) {
      span?.fail(lost);
      span?.end();
      reject(lost);
    }
    this.#logger.info({ connectionId: connection.connectionId, lost: worker.given.size }, 'a worker is gone');
    worker.given.clear();
    void this.#assign(worker, new Set());
  }

  /** Settles when a worker has answered, or `signal` aborts; a worker that has it keeps it until it is done. */
  readonly answer: AnswerRequest = async (request, signal) => {
    if (!this.#pools.has(request.method)) throw new CarillonError('NO_RESPONDER');
    if (this.#given >= this.#deps.maxRequests)
      throw new CarillonError('RESPONDER_BUSY', undefined, { retryAfterMs: 1000 });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const pending: PendingRequest = {
      request,
      order: this.#order++,
      deadlineMs: performance.now() + request.timeoutMs,
      resolve,
      reject,
      worker: undefined,
      span: undefined,
    };
    const onAbort = (): void => this.#abandon(pending);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#given++;
    try {
      const worker = this.#pools.freeWorker(request.method);
      if (worker === undefined) this.#pools.wait(pending);
      else this.#handOut(worker, pending);
      return await promise;
    } finally {
      this.#given--;
      signal.removeEventListener('abort', onAbort);
    }
  };

  /** [WK4] Nobody waits for the answer any more. */
  #abandon(pending: PendingRequest): void {
    const { request, worker, reject, span } = pending;
    const cancelled = new CarillonError('REQUEST_CANCELLED');
    if (worker === undefined) this.#pools.stopWaiting(pending);
    else worker.connection.sendFrame(encodeFrame({ type: 'cancel', re: request.id }));
    span?.fail(cancelled);
    span?.end();
    pending.span = undefined;
    reject(cancelled);
  }

  #assign(worker: Worker, methods: ReadonlySet<MethodKey>): Promise<void> {
    for (const { reject } of this.#pools.assign(worker, methods)) reject(new CarillonError('NO_RESPONDER'));
    return this.#deps.offer(this.#pools.capacities());
  }

  #pump(worker: Worker): void {
    while (hasRoom(worker)) {
      const next = this.#pools.takeNext(worker);
      if (next === undefined) return;
      this.#handOut(worker, next);
    }
  }

  #handOut(worker: Worker, pending: PendingRequest): void {
    const { connection } = worker;
    if (!pending.request.mayBegin()) {
      pending.reject(new CarillonError('NO_RESPONDER'));
      return;
    }
    worker.given.set(pending.request.id, pending);
    pending.worker = worker;
    connection.sendFrame(this.#frameOf(pending));
    const room = connection.room();
    if (room === undefined) return;
    worker.isBehind = true;
    void room.then(() => {
      worker.isBehind = false;
      this.#pump(worker);
    });
  }

  /** [WK2] */
  #frameOf(pending: PendingRequest): Frame {
    const { id, method, body } = pending.request;
    const { header, payloadJson } = decodeRequest(body);
    const span = this.#deps.telemetry.spans.startChild('gateway.hand_out', header.trace, {
      kind: 'client',
      attributes: { 'carillon.method': nameOf(method), 'carillon.request': id },
    });
    pending.span = span;
    const frame = {
      type: 'request',
      id,
      method: nameOf(method),
      timeoutMs: Math.max(1, Math.ceil(pending.deadlineMs - performance.now())),
      ...header,
      ...(span.traceparent === undefined ? {} : { trace: span.traceparent }),
    } as const;
    return new PayloadFrame(frame, payloadJson);
  }
}

function newWorker(connection: Connection): Worker {
  return { connection, methods: new Set(), concurrency: 1, given: new Map(), isBehind: false };
}

function nameOf(method: GivenRequest['method']): string {
  return method.slice(method.indexOf('/') + 1);
}

/** [RQ7] */
function failureBody({ message, reason, retryable = false }: ResponderFailure) {
  return {
    code: 'RESPONDER_ERROR',
    message,
    retryable,
    ...(reason === undefined ? {} : { reason }),
  } as const;
}
