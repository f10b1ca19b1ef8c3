import { setTimeout as timeout } from 'node:timers/promises';
import type { WebhookEndpoint } from '@carillon/config';
import {
  claimDeliveries,
  type Database,
  type DueDelivery,
  dropOverflow,
  expireDeliveries,
  failDelivery,
  releaseDelivery,
  removeDelivery,
} from '@carillon/db';
import { backoffMs } from '@carillon/service';
import { type Counter, type Family, type Histogram, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { Circuit } from './circuit.ts';
import type { AddressPolicy } from './public-address.ts';
import { type SendResult, sendDelivery } from './send.ts';

/** Longest wait before the table is looked at again: what another process stored is seen by then. */
const LOOK_EVERY_MS = 500;
/** How long attempts under way may take when the process stops: one that is cut off is made again. */
const GRACE_MS = 3000;
const EXPIRE_EVERY_MS = 30_000;
const COUNT_EVERY_MS = 5000;
/** On top of an attempt's time, for writing down what became of it. */
const LEASE_SLACK_MS = 10_000;

export interface DispatcherDependencies {
  readonly endpoint: WebhookEndpoint;
  readonly database: Database;
  readonly addresses: AddressPolicy;
  readonly telemetry: Telemetry;
  readonly results: Family<Counter>;
  readonly seconds: Histogram;
  /** A delivery whose predecessor in the channel is not stored after this is sent all the same. */
  readonly orderedAfterMs: number;
}

/**
 * Delivers what is queued for one endpoint. Any number of processes may: a row is taken for a while, and whoever dies leaves it
 * to the others. An attempt of which the outcome could not be written down is made again, with the same id.
 */
export class Dispatcher {
  readonly #deps: DispatcherDependencies;
  readonly #circuit = new Circuit();
  readonly #log: RepeatedLog;
  readonly #underWay = new Set<Promise<void>>();
  #woken = Promise.withResolvers<void>();
  #expiredAtMs = Number.NEGATIVE_INFINITY;
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #failure: unknown;

  constructor(deps: DispatcherDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.telemetry.loggerOf('webhooks'));
  }

  get isPaused(): boolean {
    return this.#circuit.isOpen;
  }

  /** There is something new in the table. */
  wake(): void {
    this.#woken.resolve();
  }

  /** Until `signal` aborts; attempts under way have a moment to end then. */
  readonly run = async (signal: AbortSignal, progress: () => void): Promise<void> => {
    const cut = new AbortController();
    try {
      while (!signal.aborted) {
        this.#woken = Promise.withResolvers();
        await this.#expire();
        await this.#dropOverflow();
        const taken = await this.#take(cut.signal);
        if (this.#failure !== undefined) throw this.#failure;
        progress();
        if (taken === 0) await this.#wait(signal);
      }
    } finally {
      const grace = setTimeout(() => cut.abort(), GRACE_MS);
      await Promise.all(this.#underWay);
      clearTimeout(grace);
      this.#failure = undefined;
    }
  };

  async #take(signal: AbortSignal): Promise<number> {
    const { database, endpoint, orderedAfterMs } = this.#deps;
    const limit = this.#circuit.limit(endpoint.concurrency, performance.now()) - this.#underWay.size;
    if (limit <= 0) return 0;
    const due = await claimDeliveries(database, {
      endpoint: endpoint.name,
      limit,
      leaseMs: endpoint.timeoutMs + LEASE_SLACK_MS,
      orderedAfterMs: endpoint.ordered ? orderedAfterMs : undefined,
    });
    for (const delivery of due) this.#begin(delivery, signal);
    return due.length;
  }

  #begin(delivery: DueDelivery, signal: AbortSignal): void {
    const work = this.#deliver(delivery, signal)
      .catch((error: unknown) => {
        // The database is away: the loop ends with this and is started again.
        this.#failure = error;
      })
      .finally(() => {
        this.#underWay.delete(work);
        this.wake();
      });
    this.#underWay.add(work);
  }

  async #deliver(delivery: DueDelivery, stopping: AbortSignal): Promise<void> {
    const { database, endpoint, addresses } = this.#deps;
    const startMs = performance.now();
    const result = await sendDelivery(endpoint, delivery, { addresses, stopping });
    this.#deps.seconds.observe((performance.now() - startMs) / 1000);
    if (result.delivered) {
      this.#circuit.succeeded();
      this.#deps.results.labels(endpoint.name, 'delivered').add();
      await removeDelivery(database, delivery.id);
      return;
    }
    // The endpoint did not fail: another process, or the next start, tries the delivery.
    if (stopping.aborted) return await releaseDelivery(database, delivery.id);
    if (result.endpointIsIll) this.#circuit.failed(performance.now());
    else this.#circuit.succeeded();
    await this.#failed(delivery, result);
  }

  async #failed(
    { id, attempts }: DueDelivery,
    { reason, isFinal = false, retryAfterMs = 0 }: Extract<SendResult, { delivered: false }>,
  ): Promise<void> {
    const { database, endpoint } = this.#deps;
    const isLast = isFinal || attempts + 1 >= endpoint.attempts;
    const backoff = { initialMs: endpoint.backoffMs, maxMs: endpoint.maxBackoffMs };
    const fields = { endpoint: endpoint.name, delivery: id, attempt: attempts + 1, reason };
    this.#deps.results.labels(endpoint.name, isLast ? 'dead' : 'failed').add();
    if (isLast) this.#deps.telemetry.loggerOf('webhooks').error(fields, 'a delivery failed for good');
    else this.#log.warn(fields, 'a delivery failed');
    // A time beyond its age makes it wait until it is too old, as it would with a longer backoff.
    const asked = Math.min(retryAfterMs, endpoint.maxAgeMs);
    await failDelivery(database, {
      id,
      reason,
      retryInMs: isLast ? undefined : Math.max(asked, backoffMs(attempts + 1, backoff)),
    });
  }

  async #expire(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#expiredAtMs < EXPIRE_EVERY_MS) return;
    const { database, endpoint } = this.#deps;
    const { name, maxAgeMs } = endpoint;
    const reason = `it waited longer than ${maxAgeMs} ms`;
    const expired = await expireDeliveries(database, { endpoint: name, maxAgeMs, reason });
    this.#tellDead(expired, 'deliveries waited too long and are dead');
    // A full chunk: there may be more.
    if (expired < 1000) this.#expiredAtMs = nowMs;
  }

  async #dropOverflow(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#countedAtMs < COUNT_EVERY_MS) return;
    const { database, endpoint } = this.#deps;
    const { name, maxPending } = endpoint;
    const reason = `more than ${maxPending} deliveries waited, and this was one of the oldest`;
    const dropped = await dropOverflow(database, { endpoint: name, maxPending, reason });
    this.#tellDead(dropped, 'more deliveries wait than the endpoint may have: the oldest are dead');
    if (dropped < 1000) this.#countedAtMs = nowMs;
  }

  #tellDead(deliveries: number, message: string): void {
    if (deliveries === 0) return;
    const { name } = this.#deps.endpoint;
    this.#deps.results.labels(name, 'dead').add(deliveries);
    this.#deps.telemetry.loggerOf('webhooks').error({ endpoint: name, deliveries }, message);
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#circuit.pauseMs(performance.now());
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const look = timeout(Math.max(LOOK_EVERY_MS, pauseMs), undefined, { signal: either }).catch(
      (error: unknown) => {
        if (!either.aborted) throw error;
      },
    );
    // While an endpoint is given a pause nothing new changes that.
    await (pauseMs > 0 && this.#underWay.size === 0 ? look : Promise.race([look, this.#woken.promise]));
    ended.abort();
  }
}
