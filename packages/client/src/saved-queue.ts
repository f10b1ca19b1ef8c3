import { parseJson } from '@carillon/protocol';
import type { ChannelOutbox } from './channel-outbox.ts';
import { deferred } from './deferred.ts';
import type { RestoredPublishEvent, StateDiscardedEvent } from './events.ts';
import { newEntry, type PublishEntry, type PublishReceipt } from './publish-entry.ts';
import { outcomeOf } from './publish-outcome.ts';
import type { SavedPublish, SavedState } from './saved-state.ts';

/** The publishes of these channels that have no outcome yet, for a successor. Times of entries are on the clock that shows `nowMs`. */
export function savedQueue(channels: Iterable<ChannelOutbox>, nowMs: number): SavedPublish[] {
  // Another page shares only the wall clock.
  const toWallMs = Date.now() - nowMs;
  return [...channels].flatMap((channel) =>
    channel.entries.map((entry) => {
      const { members, producer, seq, firstSentAtMs } = entry;
      const saved = { channel: channel.name, members, producer, seq, prev: channel.prevOf(entry) };
      if (firstSentAtMs === undefined) return saved;
      return { ...saved, firstSentAtMs: Math.max(0, Math.round(firstSentAtMs + toWallMs)) };
    }),
  );
}

/** Publishes left by the page before a reload, by channel, with times on the clock of `nowMs`. */
export function restoredQueue(
  { queue, last, savedAtMs }: SavedState,
  nowMs: number,
  onOutcome: (event: RestoredPublishEvent) => void,
): Map<string, PublishEntry[]> {
  const wallMs = Date.now();
  const byChannel = new Map<string, PublishEntry[]>();
  for (const publish of queue) {
    // A page that did not end properly may have sent it after it was saved.
    const sentAtMs = publish.firstSentAtMs ?? (last ? undefined : savedAtMs);
    // A wall clock that was set back since then does not make it younger than it was.
    const ageMs = sentAtMs === undefined ? undefined : Math.max(wallMs, savedAtMs) - sentAtMs;
    const firstSentAtMs = ageMs === undefined ? undefined : nowMs - ageMs;
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
  const { payload, event } = readMembers(members);
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

function readMembers(members: string): { readonly payload: unknown; readonly event?: string } {
  return parseJson(`{${members.slice(1)}}`) as ReturnType<typeof readMembers>;
}

/** Details of a discarded state for the application; empty for one that can't be read. */
export function discardedState(state: SavedState | undefined): Omit<StateDiscardedEvent, 'reason'> {
  const publishes = (state?.queue ?? []).map(({ channel, members, firstSentAtMs }) => {
    const { payload, event } = readMembers(members);
    return { channel, payload, event, maybeSent: firstSentAtMs !== undefined || !state!.last };
  });
  return { user: state?.user, publishes, channels: (state?.positions ?? []).map(({ channel }) => channel) };
}
