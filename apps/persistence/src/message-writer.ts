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
import { type ReadEntry, readEntry, splitChannel } from './log-entry-reader.ts';
import { deliveriesOf, isIdle } from './webhooks/queued-deliveries.ts';

type Readable = Extract<ReadEntry, { message: unknown }>;

/** Webhook endpoints that are told of stored messages. */
export interface MessageWebhooks {
  readonly endpoints: readonly WebhookEndpoint[];
  /** Deliveries were queued. */
  readonly onQueued: () => void;
}

const NO_WEBHOOKS: MessageWebhooks = { endpoints: [], onQueued: () => undefined };

/** Entries that were not stored; all others of the call were. */
export interface NotStored {
  /** In the dead letters: nothing that anybody repairs would let them be stored. */
  readonly putAside: ReadonlySet<LogEntry>;
  /** Refused one by one, with the reason. */
  readonly refused: ReadonlyMap<LogEntry, string>;
  /** Not tried one by one, because as many as may be were refused before. */
  readonly untried: ReadonlySet<LogEntry>;
}

interface Attempt {
  readonly maxRefused: number;
  readonly putAside: Set<LogEntry>;
  readonly refused: Map<LogEntry, string>;
  readonly untried: Set<LogEntry>;
}

/** Writes batches of the log to Postgres. What Postgres refuses is found by halving, so it holds nothing up. */
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
   * Resolves with the entries that are not in `messages` then. May be repeated with the same entries.
   *
   * @param maxRefused so many refusals are looked for; a fault that refuses everything would cost two statements per message
   * @throws {DatabaseError} that is retryable: some of them may be stored.
   */
  async write(entries: readonly LogEntry[], maxRefused: number): Promise<NotStored> {
    const attempt = {
      maxRefused,
      putAside: new Set<LogEntry>(),
      refused: new Map(),
      untried: new Set<LogEntry>(),
    };
    const readable: Readable[] = [];
    for (const read of entries.map(readEntry)) {
      if ('message' in read) {
        if (!isIdle(this.#webhooks.endpoints, read.message.channel)) readable.push(read);
      } else {
        await this.putAside(read.entry, read.letter.reason);
        attempt.putAside.add(read.entry);
      }
    }
    const spans = this.#startSpans(entries);
    try {
      await this.#insert(await this.#withoutMoved(readable), attempt);
    } catch (error) {
      this.#failures.labels('retryable').add();
      for (const span of spans) span.fail(error);
      throw error;
    } finally {
      for (const span of spans) span.end();
    }
    return attempt;
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

  /** Makes it a dead letter, which an operator can replay. `false`: it was one before. @throws {DatabaseError} */
  async putAside({ channel, epoch, seq, record }: LogEntry, reason: string): Promise<boolean> {
    const place = { ...splitChannel(channel), epoch, seq };
    if (!(await insertDeadLetter(this.#database, { ...place, record, reason }))) return false;
    this.#deadLetters.add();
    this.#telemetry
      .loggerOf('persistence')
      .error({ ...place, reason }, 'a message can not be stored, it is in dead_letters');
    return true;
  }

  async #insert(batch: readonly Readable[], attempt: Attempt): Promise<void> {
    if (batch.length === 0) return;
    if (attempt.refused.size >= attempt.maxRefused) {
      for (const { entry } of batch) attempt.untried.add(entry);
      return;
    }
    const startMs = performance.now();
    try {
      const messages = batch.map(({ message }) => message);
      const deliveries = deliveriesOf(this.#webhooks.endpoints, messages);
      const inserted = await insertMessages(this.#database, messages, deliveries);
      if (deliveries.length > 0) this.#webhooks.onQueued();
      this.#stored.add(inserted);
      this.#seconds.observe((performance.now() - startMs) / 1000);
      if (inserted < batch.length) await this.#compareStored(batch, inserted, attempt);
    } catch (error) {
      if (!isPoison(error)) throw error;
      if (batch.length === 1) return this.#refuse(batch[0]!.entry, reasonOf(error), attempt);
      const half = batch.length >> 1;
      await this.#insert(batch.slice(0, half), attempt);
      await this.#insert(batch.slice(half), attempt);
    }
  }

  /** Not all were new. Only a message with the same id at its position is a repeat; of any other nobody may be told that it is stored. */
  async #compareStored(batch: readonly Readable[], inserted: number, attempt: Attempt): Promise<void> {
    const ids = await idsStoredAt(
      this.#database,
      batch.map(({ message }) => message),
    );
    let repeated = batch.length - inserted;
    for (const [i, { entry, message }] of batch.entries()) {
      if (ids[i] === message.id) continue;
      repeated--;
      // A trigger can leave a row out without an error.
      if (ids[i] === undefined) this.#refuse(entry, 'the database did not keep it', attempt);
      else {
        if (await this.putAside(entry, POSITION_TAKEN)) this.#failures.labels('position-taken').add();
        attempt.putAside.add(entry);
      }
    }
    this.#repeated.add(repeated);
  }

  #refuse(entry: LogEntry, reason: string, { refused }: Attempt): void {
    refused.set(entry, reason);
    this.#failures.labels('poison').add();
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
