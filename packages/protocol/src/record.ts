/**
 * A record is what the broker carries and stores for one message: a one-line JSON header, a newline, and the payload
 * exactly as the publisher sent it. The payload is never parsed or re-encoded on its way: a gateway makes the frame of a
 * message by cutting and joining strings. Rules [RE1]-[RE3] of SPEC.md.
 */

/** Header of a record. Its members appear unchanged in the `message` frame. */
export interface RecordHeader {
  /** Message id, unique in an installation, 1..64 characters. */
  readonly id: string;
  /** When the gateway took the message, in milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
  /** Application-level name of the message, e.g. `trade.executed`; 1..128 characters. */
  readonly event?: string;
  /** User id of the publisher; absent for anonymous publishers. */
  readonly user?: string;
  /** Publishing SDK instance, lets a client recognise its own messages. */
  readonly producer?: string;
  /** W3C traceparent; present only when the message's trace is sampled. */
  readonly trace?: string;
}

/** A header whose optional members may be `undefined`: those are left out. */
export type RecordHeaderInput = { readonly [Name in keyof RecordHeader]: RecordHeader[Name] | undefined } & {
  readonly id: string;
  readonly timestamp: number;
};

/**
 * Joins header and payload. `payloadJson` is the payload's JSON text; raw newlines in it are allowed. Made by hand, as it is made for every
 * message: an id of the server needs no escapes.
 */
export function encodeRecord(header: RecordHeaderInput, payloadJson: string): string {
  const { id, timestamp, event, user, producer, trace } = header;
  let text = `{"id":"${id}","timestamp":${timestamp}`;
  if (event !== undefined) text += `,"event":${JSON.stringify(event)}`;
  if (user !== undefined) text += `,"user":${JSON.stringify(user)}`;
  if (producer !== undefined) text += `,"producer":${JSON.stringify(producer)}`;
  if (trace !== undefined) text += `,"trace":"${trace}"`;
  return `${text}}\n${payloadJson}`;
}

/** Header and payload of a record. @throws SyntaxError when the record has no header line or it isn't JSON. */
export function decodeRecord(record: string): { header: RecordHeader; payload: string } {
  const newline = record.indexOf('\n');
  if (newline < 0) throw new SyntaxError('record has no header line');
  return { header: JSON.parse(record.slice(0, newline)) as RecordHeader, payload: record.slice(newline + 1) };
}

/** The traceparent of a record, without parsing the whole header. */
export function traceOfRecord(record: string): string | undefined {
  // `trace` is the header's last member when present (see encodeRecord's callers), so look from the header's end.
  const newline = record.indexOf('\n');
  const start = newline - 67; // ,"trace":"<55 characters>"} is 67 characters
  if (start < 0 || !record.startsWith(',"trace":"', start)) return undefined;
  return record.slice(start + 10, start + 65);
}

/** The `message` frame (JSON text) of a record at a position of a channel. */
export function messageFrame(channel: string, epoch: string, seq: number, record: string): string {
  const newline = record.indexOf('\n');
  return `{"type":"message","version":1,"channel":"${channel}","epoch":"${epoch}","seq":${seq},${record.slice(1, newline - 1)},"payload":${record.slice(newline + 1)}}`;
}
