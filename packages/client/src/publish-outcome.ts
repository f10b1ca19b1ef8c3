import { RealtimeError } from './errors.ts';
import type { PublishReceipt } from './publish-entry.ts';

/**
 * Outcome of a publish. Never guessed:
 * - `accepted`: it is in the channel's log, at the position of the receipt.
 * - `refused`: it is not in the log. `retryable`: the same message may be taken later.
 * - `unknown`: it was sent, no answer came, and it may no longer be repeated safely: it is in the log once, or not at
 *   all.
 */
export type PublishOutcome =
  | { readonly outcome: 'accepted'; readonly receipt: PublishReceipt }
  | { readonly outcome: 'refused'; readonly retryable: boolean; readonly error: RealtimeError }
  | { readonly outcome: 'unknown'; readonly error: RealtimeError };

/** Maps the error of a rejected publish to its outcome. */
function outcomeOfError(error: RealtimeError): PublishOutcome {
  if (error.code === 'OUTCOME_UNKNOWN') return { outcome: 'unknown', error };
  return { outcome: 'refused', retryable: error.retryable, error };
}

/** The outcome of a publish. Rejects only when the payload was no JSON value. */
export async function outcomeOf(publishing: Promise<PublishReceipt>): Promise<PublishOutcome> {
  try {
    return { outcome: 'accepted', receipt: await publishing };
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return outcomeOfError(error as RealtimeError);
  }
}

export function outcomeUnknown(cause: RealtimeError | undefined): RealtimeError {
  const text = 'It was sent, and its answer was lost: it may or may not have been accepted';
  return new RealtimeError('OUTCOME_UNKNOWN', text, { cause });
}
