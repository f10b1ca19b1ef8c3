import { crc32 } from 'node:zlib';
import type { Broker, ChannelKey, Publication, PublishOutcome } from '@carillon/broker';
import type { NamespaceResolver } from '@carillon/config';
import {
  claimDueSchedules,
  type Database,
  type DueMessage,
  findMessagePosition,
  finishSchedules,
  type ScheduleResult,
} from '@carillon/db';
import { encodeRecord } from '@carillon/protocol';
import { backoffMs } from '@carillon/service';
import { type Counter, type Family, type Histogram, METRICS, type Telemetry } from '@carillon/telemetry';

const BATCH = 100;
/** Lease of a due message: a worker that doesn't finish within it loses the message to another one. */
const LEASE_MS = 10_000;
/** How long the broker recognises a repeated publication; after that, the stored message does. */
const REMEMBERED_MS = 24 * 3_600_000;

export interface PublishDueDependencies {
  readonly broker: Broker;
  readonly database: Database;
  readonly namespaces: NamespaceResolver;
  readonly telemetry: Telemetry;
  /** Default 10,000. */
  readonly leaseMs?: number;
}

/**
 * Publishes what is due. Every step may be repeated, by another process, too: the broker recognises a message by its id and
 * answers the first result.
 */
export class PublishDue {
  readonly #deps: PublishDueDependencies;
  readonly #results: Family<Counter>;
  readonly #delay: Histogram;

  constructor(deps: PublishDueDependencies) {
    this.#deps = deps;
    this.#results = deps.telemetry.metrics.counters(METRICS.scheduledMessages);
    this.#delay = deps.telemetry.metrics.histogram(METRICS.scheduleDelay);
  }

  /** Until nothing is due; answers how many were taken. */
  async publishAll(signal: AbortSignal, progress: () => void = () => undefined): Promise<number> {
    let taken = 0;
    while (!signal.aborted) {
      const due = await claimDueSchedules(this.#deps.database, {
        limit: BATCH,
        leaseMs: this.#deps.leaseMs ?? LEASE_MS,
      });
      taken += due.length;
      if (due.length > 0) await this.#publish(due);
      progress();
      if (due.length < BATCH) break;
    }
    return taken;
  }

  async #publish(due: readonly DueMessage[]): Promise<void> {
    const { broker, database } = this.#deps;
    const claimedAtMs = performance.now();
    const results: ScheduleResult[] = [];
    const fresh: DueMessage[] = [];
    for (const message of due) {
      const stored = message.attempts > 1 ? await this.#storedBefore(message) : undefined;
      if (stored === undefined) fresh.push(message);
      else results.push({ id: message.id, result: 'published', ...stored });
    }
    const outcomes =
      fresh.length === 0
        ? []
        : await broker.publisher.publish(fresh.map((message) => this.#publication(message)));
    outcomes.forEach((outcome, i) => {
      const message = fresh[i]!;
      if (outcome.status === 'accepted' && !outcome.duplicate)
        this.#delay.observe((message.lateMs + performance.now() - claimedAtMs) / 1000);
      results.push(this.#resultOf(message, outcome));
    });
    await finishSchedules(database, results);
  }

  /** A broker that lost its data doesn't know what it had published; the database may. */
  #storedBefore({ app, channel, id }: DueMessage) {
    return findMessagePosition(this.#deps.database, app, channel, id);
  }

  #publication({ id, app, channel, owner, event, trace, payload }: DueMessage): Publication {
    const header = {
      id,
      timestamp: this.#deps.broker.nowMs(),
      ...(event === null ? {} : { event }),
      ...(owner === '' ? {} : { user: owner }),
      ...(trace === null ? {} : { trace }),
    };
    return {
      channel: `${app}/${channel}` as ChannelKey,
      id,
      record: encodeRecord(header, payload),
      keeping: this.#deps.namespaces.resolve(channel),
      // The key can't be one of a client's: theirs hold no space.
      dedupe: {
        kind: 'key',
        key: `scheduled ${id}`,
        ttlMs: REMEMBERED_MS,
        fingerprint: crc32(event === null ? payload : `${event}\n${payload}`),
      },
    };
  }

  #resultOf({ id, attempts }: DueMessage, outcome: PublishOutcome): ScheduleResult {
    if (outcome.status === 'accepted') {
      this.#results.labels(outcome.duplicate ? 'repeated' : 'published').add();
      return { id, result: 'published', epoch: outcome.epoch, seq: outcome.seq };
    }
    const { code, retryable } = outcome.error;
    this.#results.labels(retryable ? 'retry' : 'failed').add();
    if (!retryable) {
      this.#deps.telemetry
        .loggerOf('schedules')
        .error({ schedule: id, code }, 'a scheduled message was refused');
      return { id, result: 'failed', error: code };
    }
    return { id, result: 'retry', error: code, delayMs: backoffMs(attempts, { maxMs: 30_000 }) };
  }
}
