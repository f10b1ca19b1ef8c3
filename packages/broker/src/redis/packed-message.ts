/** How a message stands in a stream entry: `<app/channel>\n<epoch>:<seq>\n<record>`. The scripts write it, this reads and writes it. */
import type { Position } from '@carillon/protocol';
import type { ChannelKey } from '../ports.ts';

/** Epochs have a fixed length, so the colon needs no search. */
const EPOCH_LENGTH = 12;

export interface PackedMessage extends Position {
  readonly channel: ChannelKey;
  readonly record: string;
}

export function packMessage({ channel, epoch, seq, record }: PackedMessage): string {
  return `${channel}\n${epoch}:${seq}\n${record}`;
}

export function unpackMessage(packed: string): PackedMessage {
  const first = packed.indexOf('\n');
  const second = packed.indexOf('\n', first + 1);
  return {
    channel: packed.slice(0, first) as ChannelKey,
    epoch: packed.slice(first + 1, first + 1 + EPOCH_LENGTH),
    seq: Number(packed.slice(first + 2 + EPOCH_LENGTH, second < 0 ? undefined : second)),
    record: second < 0 ? '' : packed.slice(second + 1),
  };
}

/** As a message is packed, but with whatever a client gave for an epoch as its place to begin. */
export function unpackCursor(packed: string): PackedMessage {
  const [channel = '', place = '', record = ''] = packed.split('\n');
  const colon = place.lastIndexOf(':');
  return {
    channel: channel as ChannelKey,
    epoch: place.slice(0, colon),
    seq: Number(place.slice(colon + 1)),
    record,
  };
}

/** `[id, [field, value, field, value, ...]]`, as Redis answers. */
export type StreamEntry = readonly [id: string, fields: readonly string[] | null];

/** `[key, entries]` of each stream that has something; `null` when none has. */
export type StreamsReply = readonly (readonly [key: string, entries: readonly StreamEntry[]])[] | null;

/** Fields of an entry that has each name once. */
export function fieldsOf(fields: readonly string[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) map.set(fields[i]!, fields[i + 1]!);
  return map;
}
