import type { LogEntry } from '@carillon/broker';
import { type Database, isPoison, type StoredCursor, storeCursors } from '@carillon/db';
import type { Logger } from '@carillon/telemetry';
import { splitChannel } from './log-entry-reader.ts';

/** Stores how far consumers have got: the last word on each of a batch, in one statement. */
export class CursorWriter {
  readonly #database: Database;
  readonly #logger: Logger;

  constructor(database: Database, logger: Logger) {
    this.#database = database;
    this.#logger = logger;
  }

  /** May be repeated with the same entries. @throws {DatabaseError} that is retryable: some of them may be stored. */
  async write(entries: readonly LogEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#store(newestOf(entries));
  }

  async #store(cursors: readonly StoredCursor[]): Promise<void> {
    try {
      await storeCursors(this.#database, cursors);
    } catch (error) {
      if (!isPoison(error)) throw error;
      // After a loss of the broker this consumer gets messages again that it has acknowledged; the others must not wait for it.
      if (cursors.length === 1)
        return this.#logger.error({ err: error, channel: cursors[0]!.channel }, 'a cursor can not be stored');
      for (const cursor of cursors) await this.#store([cursor]);
    }
  }
}

/** One for each consumer, sorted: two workers that write the same ones would else wait for each other. */
function newestOf(entries: readonly LogEntry[]): readonly StoredCursor[] {
  const newest = new Map<string, StoredCursor>();
  for (const { channel, consumer = '', epoch, seq, record } of entries) {
    const key = `${channel}\n${consumer}`;
    const known = newest.get(key);
    const isBehind =
      known === undefined || known.epoch < epoch || (known.epoch === epoch && known.seq <= seq);
    if (isBehind) newest.set(key, { ...splitChannel(channel), consumer, epoch, seq, atMs: Number(record) });
  }
  return [...newest].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, cursor]) => cursor);
}
