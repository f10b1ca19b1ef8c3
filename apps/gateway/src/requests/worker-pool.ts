import type { GivenRequest, MethodKey } from '@carillon/broker';
import type { SpanHandle } from '@carillon/telemetry';
import type { Connection } from '../session/connection.ts';

/** A request that was given to this gateway and is not answered. */
export interface PendingRequest {
  readonly request: GivenRequest;
  /** Counts up: the one that came first goes first. */
  readonly order: number;
  /** When its time is over, by `performance.now()`. */
  readonly deadlineMs: number;
  readonly resolve: (body: string) => void;
  readonly reject: (error: unknown) => void;
  /** The worker that has the request; `undefined` while it waits. */
  worker: Worker | undefined;
  span: SpanHandle | undefined;
}

/** A connection that answers requests. */
export interface Worker {
  readonly connection: Connection;
  methods: ReadonlySet<MethodKey>;
  concurrency: number;
  /** Unanswered requests of the worker, cancelled ones included: each takes a place until the worker is done with it. */
  readonly given: Map<string, PendingRequest>;
  /** The connection's outbox is behind: no request is handed to it now. */
  isBehind: boolean;
}

interface Pool {
  readonly workers: Set<Worker>;
  /** In the order of their coming. */
  readonly waiting: Set<PendingRequest>;
}

export function hasRoom({ connection, given, concurrency, isBehind }: Worker): boolean {
  return !isBehind && connection.isOpen && given.size < concurrency;
}

/** Workers by method, and the requests that wait for them. */
export class WorkerPools {
  readonly #pools = new Map<MethodKey, Pool>();

  /** Requests that wait for a worker with room. */
  get waiting(): number {
    let sum = 0;
    for (const { waiting } of this.#pools.values()) sum += waiting.size;
    return sum;
  }

  /** Methods that there would be with these. */
  sizeWith(methods: ReadonlySet<MethodKey>): number {
    let size = this.#pools.size;
    for (const method of methods) if (!this.#pools.has(method)) size++;
    return size;
  }

  has(method: MethodKey): boolean {
    return this.#pools.has(method);
  }

  /** Of each method: how many requests its workers take at a time. */
  capacities(): ReadonlyMap<MethodKey, number> {
    const sums = [...this.#pools].map(
      ([method, { workers }]) =>
        [method, [...workers].reduce((sum, { concurrency }) => sum + concurrency, 0)] as const,
    );
    return new Map(sums);
  }

  /** Gives a worker other methods. Answers what waited for one that nobody is left for. */
  assign(worker: Worker, methods: ReadonlySet<MethodKey>): readonly PendingRequest[] {
    const orphans: PendingRequest[] = [];
    for (const method of worker.methods) {
      const pool = this.#pools.get(method);
      if (pool === undefined || methods.has(method)) continue;
      pool.workers.delete(worker);
      if (pool.workers.size > 0) continue;
      orphans.push(...pool.waiting);
      this.#pools.delete(method);
    }
    worker.methods = methods;
    for (const method of methods) {
      const pool = this.#pools.get(method) ?? { workers: new Set(), waiting: new Set() };
      pool.workers.add(worker);
      this.#pools.set(method, pool);
    }
    return orphans;
  }

  /** The worker for a method that has the least to do for its room; `undefined` when none has any. */
  freeWorker(method: MethodKey): Worker | undefined {
    let best: Worker | undefined;
    for (const worker of this.#pools.get(method)?.workers ?? []) {
      if (!hasRoom(worker)) continue;
      if (best === undefined || worker.given.size / worker.concurrency < best.given.size / best.concurrency)
        best = worker;
    }
    return best;
  }

  wait(pending: PendingRequest): void {
    this.#pools.get(pending.request.method)!.waiting.add(pending);
  }

  stopWaiting(pending: PendingRequest): void {
    this.#pools.get(pending.request.method)?.waiting.delete(pending);
  }

  /** Takes what has waited longest for one of the worker's methods. */
  takeNext({ methods }: Worker): PendingRequest | undefined {
    let next: PendingRequest | undefined;
    for (const method of methods) {
      const [first] = this.#pools.get(method)?.waiting ?? [];
      if (first !== undefined && (next === undefined || first.order < next.order)) next = first;
    }
    if (next !== undefined) this.stopWaiting(next);
    return next;
  }
}
