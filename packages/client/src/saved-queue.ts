import type { ChannelOutbox } from './channel-outbox.ts';
import { deferred } from './deferred.ts';
import type { RestoredPublishEvent } from './events.ts';
import { newEntry, type PublishEntry, type PublishReceipt } from './publish-entry.ts';
import { outcomeOf } from './publish-outcome.ts';
import type { SavedPublish, SavedState } from './saved-state.ts';

/** The publishes of these channels that have no outcome yet, for a successor. */
export function savedQueue(channels: Iterable<ChannelOutbox>): SavedPublish[] {
  // Entries count in `performance.now()` time, which another page does not share.
  const toWallMs = Date.now() - performance.now();
  return [...channels].flatMap((channel) =>
    channel.entries.map((entry) => {
      const { members, producer, seq, firstSentAtMs } = entry;
      const saved = { channel: channel.name, members, producer, seq, prev: channel.prevOf(entry) };
      if (firstSentAtMs === undefined) return saved;
      return { ...saved, firstSentAtMs: Math.max(0, Math.round(firstSentAtMs + toWallMs)) };
    }),
  );
}

/** What a predecessor left, by channel. */
export function restoredQueue(
  { queue, last, savedAtMs }: SavedState,
  onOutcome: (event: RestoredPublishEvent) => void,
): Map<string, PublishEntry[]> {
  const toOwnMs = performance.now() - Date.now();
  const byChannel = new Map<string, PublishEntry[]>();
  for (const publish of queue) {
    // A page that did not end properly may have sent it after it was saved.
    const sentAtMs = publish.firstSentAtMs ?? (last ? undefined : savedAtMs);
    const firstSentAtMs = sentAtMs === undefined ? undefined : sentAtMs + toOwnMs;
    const entries = byChannel.get(publish.channel) ?? [];
    entries.push(restoredEntry(publish, firstSentAtMs, onOutcome));
    byChannel.set(publish.channel, entries);
  }
  return byChannel;
}

/** A publish of the page before the reload. Its promise is gone with that page; its outcome becomes an event. */
function restoredEntry(
  { channel, members, producer, seq, prev }: SavedPublish,
  firstSentAtMs: number | undefined,
  onOutcome: (event: RestoredPublishEvent) => void,
): PublishEntry {
  const receipt = deferred<PublishReceipt>();
  const { payload, event } = JSON.parse(`{${members.slice(1)}}`) as { payload: unknown; event?: string };
  void outcomeOf(receipt.promise).then((result) => onOutcome({ channel, payload, event, result }));
  return {
    ...newEntry(channel, members, receipt, undefined),
    producer,
    seq,
    prev,
    maybeAccepted: firstSentAtMs !== undefined,
    firstSentAtMs,
    restored: true,
  };
}
