import type { LogEntry } from '@carillon/broker';
import type { DeadLetter, StoredMessage } from '@carillon/db';
import { decodeRecord } from '@carillon/protocol';

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
  try {
    const { header, payload } = decodeRecord(record);
    if (typeof header.id !== 'string' || typeof header.timestamp !== 'number')
      throw new SyntaxError('the header has no id or no timestamp');
    const headerText = record.slice(0, record.length - payload.length - 1);
    return {
      entry,
      message: { ...place, id: header.id, publishedAtMs: header.timestamp, header: headerText, payload },
    };
  } catch (error) {
    return { entry, letter: { ...place, record, reason: (error as Error).message } };
  }
}
