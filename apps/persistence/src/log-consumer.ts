import type { LogEntry, PersistenceLog } from '@carillon/broker';
import { type Database, idsStoredAt, storedIds } from '@carillon/db';
import { backoffMs, pause, reasonOf } from '@carillon/service';
import { type Counter, METRICS, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import type { CursorWriter } from './cursor-writer.ts';
import { splitChannel } from './log-entry-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import type { RefusedMessages } from './refused-messages.ts';

/** Longest wait of one read; a stop waits for it at most. */
const READ_BLOCK_MS = 1000;
/** A marker whose message is not stored by then asks for one that never will be. */
const MARKER_MAX_AGE_MS = 600_000;
const MAX_MARKERS = 10_000;
/** How often it is looked whether there is room for more messages. */
const ROOM_CHECK_MS = 200;

export interface ConsumerSettings {
  /** Name in the consumer group, unique for each start. */
  readonly consumer: string;
  readonly batchMaxMessages: number;
  /** While somebody waits for `stored`. */
  readonly lingerMs: number;
  /** While nobody does. */
  readonly relaxedLingerMs: number;
  readonly claimIdleMs: number;
}

export interface ConsumerDependencies {
  readonly log: PersistenceLog;
  readonly database: Database;
  readonly writer: MessageWriter;
  readonly refused: RefusedMessages;
  readonly cursors: CursorWriter;
  readonly telemetry: Telemetry;
  readonly settings: ConsumerSettings;
}

/**
 * Takes entries from the log, has them stored, and commits them after the database has: a crash in between repeats, never
 * skips. While the database is away it keeps its batch and tries again; the log grows meanwhile.
 */
export class LogConsumer {
  readonly #deps: ConsumerDependencies;
  readonly #log: RepeatedLog;
  readonly #claimed: Counter;
  /** Since when a marker waits for its message, by partition and entry id. */
  readonly #markers = new Map<string, number>();
  #problem: string | undefined;
  /** The most recent batch; empty when there was nothing to do. */
  #last: readonly LogEntry[] = [];

  constructor(deps: ConsumerDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.telemetry.loggerOf('persistence'));
    this.#claimed = deps.telemetry.metrics.counter(METRICS.claimed);
  }

  /** Why nothing can be stored now, for readiness. */
  get problem(): string | undefined {
    return this.#problem ?? this.#deps.refused.problem;
  }

  /** Reads until `signal` aborts; a batch under way is finished. */
  readonly consume = async (signal: AbortSignal, progress: () => void): Promise<void> => {
    while (!signal.aborted) {
      if (!this.#deps.refused.hasRoom) {
        await pause(ROOM_CHECK_MS, signal);
        progress();
        continue;
      }
      const entries = await this.#read(signal);
      if (entries.length > 0) await this.#process(entries, signal);
      progress();
    }
  };

  /** One round: takes over what dead workers left, until there is no more. */
  readonly claim = async (signal: AbortSignal, progress: () => void): Promise<void> => {
    const { log, settings, refused } = this.#deps;
    while (!signal.aborted && refused.hasRoom) {
      const claimed = await log.claim(settings.consumer, {
        minIdleMs: settings.claimIdleMs,
        count: settings.batchMaxMessages,
      });
      if (claimed.length === 0) return;
      // Entries held by this process are tried again in any case.
      const entries = claimed.filter((entry) => !refused.has(entry));
      this.#claimed.add(entries.length);
      await this.#process(entries, signal);
      progress();
    }
  };

  /**
   * A batch. Each read that wakes up for a single message costs as much as one for hundreds, so while messages keep coming it waits first
   * and reads then; after a silence the first message wakes it up, and it waits for what follows.
   */
  async #read(signal: AbortSignal): Promise<readonly LogEntry[]> {
    const { log, settings } = this.#deps;
    const { consumer, batchMaxMessages: count } = settings;
    const isBusy = this.#last.length > 0;
    if (isBusy) await this.#linger(this.#last, signal);
    const first = await log.read(consumer, { count, blockMs: READ_BLOCK_MS });
    this.#last = first;
    if (isBusy || first.length === 0 || first.length >= count || signal.aborted) return first;
    await this.#linger(first, signal);
    try {
      return [...first, ...(await log.read(consumer, { count: count - first.length, blockMs: 1 }))];
    } catch (error) {
      // The entries read so far are returned: the next read meets the same error and reports it.
      this.#log.warn({ err: error }, 'the log could not be read again to fill a batch');
      return first;
    }
  }

  /** Not after a full batch: more is there. */
  async #linger(entries: readonly LogEntry[], signal: AbortSignal): Promise<void> {
    const { batchMaxMessages, lingerMs, relaxedLingerMs } = this.#deps.settings;
    if (entries.length >= batchMaxMessages) return;
    const isAwaited = entries.some(({ storedTo }) => storedTo !== undefined);
    const ms = isAwaited ? lingerMs : relaxedLingerMs;
    if (ms > 0) await pause(ms, signal);
  }

  async #process(entries: readonly LogEntry[], signal: AbortSignal): Promise<void> {
    const done = await this.#storeUntilDone(entries, signal);
    if (done.length > 0) await this.#deps.log.commit(done);
  }

  /** Entries to be committed. None when it was stopped during an outage: others take them over. */
  async #storeUntilDone(entries: readonly LogEntry[], signal: AbortSignal): Promise<readonly LogEntry[]> {
    for (let failures = 1; ; failures++) {
      try {
        const done = await this.#store(entries);
        this.#works();
        return done;
      } catch (error) {
        this.#problem = `messages can not be stored: ${reasonOf(error)}`;
        this.#log.warn(
          { err: error, entries: entries.length, failures },
          'messages can not be stored, trying again',
        );
        await pause(backoffMs(failures, { maxMs: 5000 }), signal);
        if (signal.aborted) return [];
      }
    }
  }

  async #store(entries: readonly LogEntry[]): Promise<readonly LogEntry[]> {
    const messages = entries.filter(({ marker, consumer }) => !marker && consumer === undefined);
    const cursors = entries.filter(({ consumer }) => consumer !== undefined);
    const { writer, refused } = this.#deps;
    const notStored = await writer.write(messages, refused.maxRefused);
    const waiting = await refused.take(notStored);
    // Put aside is not stored: nobody may be told that it is.
    const isAside = (entry: LogEntry): boolean =>
      notStored.putAside.has(entry) || notStored.refused.has(entry);
    const written = messages
      .filter((entry) => !waiting.has(entry))
      .map((entry) => (isAside(entry) ? { ...entry, storedTo: undefined } : entry));
    await this.#deps.cursors.write(cursors);
    return [...written, ...cursors, ...(await this.#answeredMarkers(entries.filter(({ marker }) => marker)))];
  }

  /** Markers whose message is stored; the others stay uncommitted and are claimed again. */
  /**
   * Ids of the markers' messages. A message that isn't at its marker's position may have been published again, after
   * data loss.
   */
  async #idsOf(
    markers: readonly LogEntry[],
    found: readonly (string | undefined)[],
  ): Promise<readonly (string | undefined)[]> {
    const missing = markers.filter(({ record }, i) => record !== '' && found[i] !== record);
    if (missing.length === 0) return found;
    const ids = new Map<string, ReadonlySet<string>>();
    for (const [app, some] of Map.groupBy(missing, ({ channel }) => splitChannel(channel).app))
      ids.set(
        app,
        await storedIds(
          this.#deps.database,
          app,
          some.map(({ record }) => record),
        ),
      );
    return markers.map(({ channel, record }, i) =>
      ids.get(splitChannel(channel).app)?.has(record) === true ? record : found[i],
    );
  }

  async #answeredMarkers(markers: readonly LogEntry[]): Promise<readonly LogEntry[]> {
    const places = markers.map(({ channel, epoch, seq }) => ({ ...splitChannel(channel), epoch, seq }));
    const ids = await this.#idsOf(markers, await idsStoredAt(this.#deps.database, places));
    return markers.flatMap((marker, i) => {
      const key = `${marker.partition} ${marker.entryId}`;
      const since = this.#markers.get(key) ?? performance.now();
      this.#markers.delete(key);
      const id = ids[i];
      // Another message at its position is no answer.
      if (id !== undefined && (marker.record === '' || marker.record === id)) return [marker];
      const hopeless = performance.now() - since > MARKER_MAX_AGE_MS || this.#markers.size >= MAX_MARKERS;
      if (hopeless) return [{ ...marker, storedTo: undefined }];
      this.#markers.set(key, since);
      return [];
    });
  }

  #works(): void {
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#log.reset();
    this.#deps.telemetry.loggerOf('persistence').info('messages can be stored again');
  }
}
