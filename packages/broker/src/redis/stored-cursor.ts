import { CarillonError, type Position } from '@carillon/protocol';
import { STORED_CURSOR_TIMEOUT_MS } from '../ack-cursors.ts';
import type { ChannelKey, ColdHistory } from '../ports.ts';

/**
 * Where a consumer has got as far as persistence knows; `undefined`: it is new. @throws CarillonError HISTORY_UNAVAILABLE without an answer: to
 * begin at a guess could leave messages out.
 */
export async function askStoredCursor(
  cold: ColdHistory,
  gateway: string,
  cursor: { readonly channel: ChannelKey; readonly consumer: string },
): Promise<Position | undefined> {
  try {
    const [stored] = await cold.ask(gateway, { kind: 'cursor', ...cursor }, STORED_CURSOR_TIMEOUT_MS);
    return stored && { epoch: stored.epoch, seq: stored.seq };
  } catch (cause) {
    if (!(cause instanceof CarillonError) || cause.code !== 'HISTORY_UNAVAILABLE') throw cause;
    throw new CarillonError(
      'HISTORY_UNAVAILABLE',
      'Where the consumer goes on can not be read now. Subscribe again.',
      { cause, retryAfterMs: 1000 },
    );
  }
}
