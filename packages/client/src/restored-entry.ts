import { deferred } from './deferred.ts';
import type { RestoredPublishEvent } from './events.ts';
import { byteLength, type PublishEntry, type PublishReceipt } from './publish-entry.ts';
import { outcomeOf } from './publish-outcome.ts';
import type { SavedPublish } from './saved-state.ts';

/** A publish of the page before the reload. Its promise is gone with that page; its outcome becomes an event. */
export function restoredEntry(
  { channel, members, producer, seq, prev }: SavedPublish,
  firstSentAtMs: number | undefined,
  onOutcome: (event: RestoredPublishEvent) => void,
): PublishEntry {
  const receipt = deferred<PublishReceipt>();
  const { payload, event } = JSON.parse(`{${members.slice(1)}}`) as { payload: unknown; event?: string };
  void outcomeOf(receipt.promise).then((result) => onOutcome({ channel, payload, event, result }));
  return {
    channel,
    members,
    bytes: byteLength(members),
    receipt,
    stored: undefined,
    producer,
    seq,
    prev,
    requestId: undefined,
    maybeAccepted: firstSentAtMs !== undefined,
    firstSentAtMs,
    restored: true,
  };
}
