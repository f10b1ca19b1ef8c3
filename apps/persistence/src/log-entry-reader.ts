import type { LogEntry } from '@carillon/broker';
import { type DeadLetter, type StoredMessage, storedMessageOf } from '@carillon/db';

/** The entry's message as it is stored, or as it is put aside because its record can't be read. */
export type ReadEntry =
  | { readonly entry: LogEntry; readonly message: StoredMessage }
  | { readonly entry: LogEntry; readonly letter: DeadLetter };

/** App and channel of a channel key. */
export function splitChannel(key: LogEntry['channel']): { readonly app: string; readonly channel: string } {
  const slash = key.indexOf('/');
  return { app: key.slice(0, slash), channel: key.slice(slash + 1) };
}

/** Never throws: a record that nobody can read must not hold up the others. */
export function readEntry(entry: LogEntry): ReadEntry {
  const { epoch, seq, record } = entry;
  const place = { ...splitChannel(entry.channel), epoch, seq };
  // The one character that text can't hold in Postgres: nothing that an operator could repair.
  if (record.includes('\0')) return { entry, letter: { ...place, record, reason: 'it holds U+0000' } };
  try {
    return { entry, message: storedMessageOf(place, record) };
  } catch (error) {
    return { entry, letter: { ...place, record, reason: (error as Error).message } };
  }
}
