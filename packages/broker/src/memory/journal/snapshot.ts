import type { HistoryEntry } from '../../ports.ts';
import type { ChannelState } from '../channel-state.ts';
import type { HistoryBuffer } from '../history-buffer.ts';
import type { MemoryAcks } from '../memory-acks.ts';
import type { MemoryState } from '../memory-state.ts';
import type { Written } from './journal-entry.ts';

/** One producer remembers up to a window of results, so a few of them are a long entry. */
const PRODUCERS_AN_ENTRY = 20;
const KEYS_AN_ENTRY = 200;

/** The whole state as entries. A channel is read at once, the next one maybe later. */
export function* snapshotEntries(state: MemoryState, acks: MemoryAcks): Generator<Written> {
  yield [{ type: 'generation', ...state.generation.snapshot() }, ''];
  for (const channel of state.channels()) if (hasHappened(channel)) yield* channelEntries(channel);
  for (const [channel, cursor] of acks.cursors()) yield [{ type: 'ack', channel, ...cursor }, ''];
  const nextLog = state.log.nextNumber;
  for (const [log, { channel, epoch, seq, record, former }] of state.log.uncommitted())
    yield [{ type: 'log', log, channel, epoch, seq, former }, record];
  yield [{ type: 'end', nextLog }, ''];
}

/** Something that a start has to know. */
function hasHappened({ seq, told, ended }: ChannelState): boolean {
  return seq > 0 || told > 0 || ended.length > 0;
}

function* channelEntries({
  key,
  epoch,
  seq,
  usedAtMs,
  told,
  history,
  dedupe,
  ended,
  places,
}: ChannelState): Generator<Written> {
  // All of it is read before the first entry is given away: it belongs to one position.
  const { producers, keys } = dedupe.snapshot();
  const messages = heldIn(history);
  const ends = ended.map(({ history: _, ...end }) => end);
  const older = ended.flatMap((one) => heldIn(one.history));
  const known = places?.all() ?? [];
  yield [{ type: 'channel', channel: key, epoch, seq, atMs: usedAtMs, told, ended: ends }, ''];
  for (const some of slices(producers, PRODUCERS_AN_ENTRY))
    yield [{ type: 'dedupe', channel: key, producers: some, keys: [] }, ''];
  for (const some of slices(keys, KEYS_AN_ENTRY))
    yield [{ type: 'dedupe', channel: key, producers: [], keys: some }, ''];
  for (const some of slices(known, KEYS_AN_ENTRY)) yield [{ type: 'places', channel: key, places: some }, ''];
  // Most of a snapshot, so put together from texts.
  const head = `{"type":"history","channel":${JSON.stringify(key)},`;
  for (const { epoch: former, seq: of, expiresAtMs, record } of older)
    yield [`${head}"epoch":"${former}","seq":${of},"expiresAtMs":${expiresAtMs}}`, record];
  for (const { seq: of, expiresAtMs, record } of messages)
    yield [`${head}"seq":${of},"expiresAtMs":${expiresAtMs}}`, record];
}

function heldIn(history: HistoryBuffer): readonly (HistoryEntry & { readonly expiresAtMs: number })[] {
  return history.entries().map((entry) => ({ ...entry, expiresAtMs: history.expiryOf(entry) }));
}

function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
