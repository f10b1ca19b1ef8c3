import type { ChannelState } from '../channel-state.ts';
import type { MemoryAcks } from '../memory-acks.ts';
import type { MemoryState } from '../memory-state.ts';
import type { Written } from './journal-entry.ts';

/** One producer remembers up to a window of results, so a few of them are a long entry. */
const PRODUCERS_AN_ENTRY = 20;
const KEYS_AN_ENTRY = 200;

/** The whole state as entries. A channel is read at once, the next one maybe later. */
export function* snapshotEntries(state: MemoryState, acks: MemoryAcks): Generator<Written> {
  for (const channel of state.channels()) yield* channelEntries(channel);
  for (const [channel, cursor] of acks.cursors()) yield [{ type: 'ack', channel, ...cursor }, ''];
  const nextLog = state.log.nextNumber;
  for (const [log, { channel, epoch, seq, record }] of state.log.uncommitted())
    yield [{ type: 'log', log, channel, epoch, seq }, record];
  yield [{ type: 'end', nextLog }, ''];
}

function* channelEntries({
  key,
  epoch,
  seq,
  usedAtMs,
  told,
  history,
  dedupe,
}: ChannelState): Generator<Written> {
  // All of it is read before the first entry is given away: it belongs to one position.
  const { producers, keys } = dedupe.snapshot();
  const messages = history
    .entries()
    .map((message) => ({ ...message, expiresAtMs: history.expiryOf(message) }));
  yield [{ type: 'channel', channel: key, epoch, seq, atMs: usedAtMs, told }, ''];
  for (const some of slices(producers, PRODUCERS_AN_ENTRY))
    yield [{ type: 'dedupe', channel: key, producers: some, keys: [] }, ''];
  for (const some of slices(keys, KEYS_AN_ENTRY))
    yield [{ type: 'dedupe', channel: key, producers: [], keys: some }, ''];
  for (const { seq: of, expiresAtMs, record } of messages)
    yield [{ type: 'history', channel: key, seq: of, expiresAtMs }, record];
}

function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
