import type { LogEntry } from '@carillon/broker';
import type { WebhookEndpoint } from '@carillon/config';
import {
  type Database,
  DatabaseError,
  idsStoredAt,
  insertDeadLetter,
  insertMessages,
  isPoison,
  moveMessages,
  POSITION_TAKEN,
} from '@carillon/db';
import { traceOfRecord } from '@carillon/protocol';
import {
  type Counter,
  type Family,
  type Histogram,
  METRICS,
  type SpanHandle,
  type Telemetry,
} from '@carillon/telemetry';
import { type ReadEntry, readEntry, splitChannel } from './log-batch.ts';
import { deliveriesOf, isIdle } from './webhooks/queued-deliveries.ts';

type Readable = Extract<ReadEntry, { message: unknown }>;

/** Who is told of messages that are stored. */
export interface MessageWebhooks {
  readonly endpoints: readonly WebhookEndpoint[];
  /** Deliveries were queued. */
  readonly onQueued: () => void;
}

const NO_WEBHOOKS: MessageWebhooks = { endpoints: [], onQueued: () => undefined };

/** Writes batches of the log to Postgres. What Postgres refuses is found by halving and put aside, so it holds nothing up. */
export class MessageWriter {
  readonly #database: Database;
  readonly #telemetry: Telemetry;
  readonly #stored: Counter;
  readonly #repeated: Counter;
  readonly #deadLetters: Counter;
  readonly #failures: Family<Counter>;
  readonly #seconds: Histogram;

  readonly #webhooks: MessageWebhooks;

  constructor(database: Database, telemetry: Telemetry, webhooks: MessageWebhooks = NO_WEBHOOKS) {
    this.#webhooks = webhooks;
    const { metrics } = telemetry;
    this.#database = database;
    this.#telemetry = telemetry;
    this.#stored = metrics.counter(METRICS.storedMessages);
    this.#repeated = metrics.counter(METRICS.storedDuplicates);
    this.#deadLetters = metrics.counter(METRICS.deadLetters);
    this.#failures = metrics.counters(METRICS.storeFailures);
    this.#seconds = metrics.histogram(METRICS.storeLatency);
  }

  /**
   * Resolves with the entries that were put aside, when every other one is in `messages`. May be repeated with the same
   * entries. @throws {DatabaseError} that is retryable: some of them may be stored.
   */
  async write(entries: readonly LogEntry[]): Promise<ReadonlySet<LogEntry>> {
    const putAside = new Set<LogEntry>();
    const readable: Readable[] = [];
    for (const read of entries.map(readEntry)) {
      if ('message' in read) {
        if (!isIdle(this.#webhooks.endpoints, read.message.channel)) readable.push(read);
      } else await this.#putAside(read.entry, read.letter.reason, putAside);
    }
    const spans = this.#startSpans(entries);
    try {
      await this.#insert(await this.#withoutMoved(readable), putAside);
    } catch (error) {
      this.#failures.labels('retryable').add();
      for (const span of spans) span.fail(error);
      throw error;
    } finally {
      for (const span of spans) span.end();
    }
    return putAside;
  }

  /** Published again after a loss, and stored before that: the stored one gets the new position, and its webhooks are not told again. */
  async #withoutMoved(batch: readonly Readable[]): Promise<readonly Readable[]> {
    const again = batch.filter(({ entry }) => entry.former !== undefined);
    if (again.length === 0) return batch;
    const moved = await moveMessages(
      this.#database,
      again.map(({ entry, message }) => ({ ...message, former: entry.former! })),
    );
    const done = new Set(again.filter((_, i) => moved[i]));
    return batch.filter((read) => !done.has(read));
  }

  async #insert(batch: readonly Readable[], putAside: Set<LogEntry>): Promise<void> {
    if (batch.length === 0) return;
    const startMs = performance.now();
    try {
      const messages = batch.map(({ message }) => message);
      const deliveries = deliveriesOf(this.#webhooks.endpoints, messages);
      const inserted = await insertMessages(this.#database, messages, deliveries);
      if (deliveries.length > 0) this.#webhooks.onQueued();
      this.#stored.add(inserted);
      this.#seconds.observe((performance.now() - startMs) / 1000);
      if (inserted < batch.length) await this.#compareStored(batch, inserted, putAside);
    } catch (error) {
      if (!isPoison(error)) throw error;
      if (batch.length === 1) return await this.#putAside(batch[0]!.entry, reasonOf(error), putAside);
      const half = batch.length >> 1;
      await this.#insert(batch.slice(0, half), putAside);
      await this.#insert(batch.slice(half), putAside);
    }
  }

  /** Not all were new. Only a message with the same id at its position is a repeat; of any other nobody may be told that it is stored. */
  async #compareStored(batch: readonly Readable[], inserted: number, putAside: Set<LogEntry>): Promise<void> {
    const messages = batch.map(({ message }) => message);
    const ids = await idsStoredAt(this.#database, messages);
    const others = batch.flatMap(({ entry, message }, i) =>
      ids[i] === message.id ? [] : [{ entry, isTaken: ids[i] !== undefined }],
    );
    this.#repeated.add(batch.length - inserted - others.length);
    for (const { entry, isTaken } of others) {
      if (isTaken) await this.#putAside(entry, POSITION_TAKEN, putAside, 'position-taken');
      else await this.#putAside(entry, 'the database did not keep it', putAside);
    }
  }

  async #putAside(
    entry: LogEntry,
    reason: string,
    putAside: Set<LogEntry>,
    kind: 'poison' | 'position-taken' = 'poison',
  ): Promise<void> {
    const { epoch, seq, record } = entry;
    const place = { ...splitChannel(entry.channel), epoch, seq };
    const isNew = await insertDeadLetter(this.#database, { ...place, record, reason });
    putAside.add(entry);
    if (!isNew) return;
    this.#failures.labels(kind).add();
    this.#deadLetters.add();
    this.#telemetry
      .loggerOf('persistence')
      .error({ ...place, reason }, 'a message can not be stored, it is in dead_letters');
  }

  #startSpans(entries: readonly LogEntry[]): readonly SpanHandle[] {
    const { spans } = this.#telemetry;
    if (!spans.enabled) return [];
    return entries.flatMap(({ record, channel, seq }) => {
      const parent = traceOfRecord(record);
      if (parent === undefined) return [];
      const attributes = {
        'carillon.channel': channel,
        'carillon.seq': seq,
        'carillon.batch_size': entries.length,
      };
      return [spans.startChild('persistence.insert', parent, { kind: 'consumer', attributes })];
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof DatabaseError ? `${error.sqlState ?? ''} ${error.message}` : String(error);
}
