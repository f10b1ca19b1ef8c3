import { setImmediate } from 'node:timers/promises';
import type { HistoryEntry } from '@carillon/broker';

/** Healed messages sent in one turn of the event loop, in characters. */
const MAX_CHARS_PER_TURN = 128 * 1024;

/** Delivers what was read of history. A turn for every so many bytes: all at once, healthy clients would look like slow ones. */
export async function inTurns(
  entries: readonly HistoryEntry[],
  deliver: (entry: HistoryEntry) => void,
): Promise<void> {
  let inTurn = 0;
  for (const entry of entries) {
    if (inTurn > MAX_CHARS_PER_TURN) {
      await setImmediate();
      inTurn = 0;
    }
    deliver(entry);
    inTurn += entry.record.length;
  }
}
