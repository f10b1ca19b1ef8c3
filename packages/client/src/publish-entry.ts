import type { Position } from '@carillon/protocol';
import type { Deferred } from './deferred.ts';
import type { Encoded } from './encoding.ts';

export interface PublishOptions {
  /** Name of what happened, e.g. `trade.executed`; 1 to 128 characters. */
  readonly event?: string;
  /** Also tell when the message is in the database. */
  readonly stored?: boolean;
  /** W3C traceparent. */
  readonly trace?: string;
}

/** Where a published message stands. */
export interface PublishReceipt extends Position {
  /** Id of the message. */
  readonly id: string;
  /** The server had it already: an earlier attempt had arrived, its answer had not. */
  readonly duplicate: boolean;
  /** The broker was away: only subscribers of the same gateway get it, and it is not kept. Only in ephemeral namespaces. */
  readonly degraded: boolean;
}

/** A message on its way out, from `publish` until its promises are settled. */
export interface PublishEntry {
  readonly channel: string;
  /** Members of the frame after producer: payload, event, stored, trace, as JSON text with a leading comma. */
  readonly members: string;
  readonly bytes: number;
  readonly receipt: Deferred<PublishReceipt>;
  readonly stored: Deferred<Position> | undefined;
  /** Producer id and its sequence. The pair names this message for good; see ChannelOutbox for when it may change. */
  producer: string;
  seq: number;
  /** `prev` of the last time it was sent. */
  prev: number;
  /** Of the last time it was sent; answers to earlier ones don't count. */
  requestId: number | undefined;
  /** An earlier sending got no clear answer: the server may have it although it refuses it now. */
  maybeAccepted: boolean;
  /** When it was sent first, on the client's suspend clock; `undefined`: the server can't have it. */
  firstSentAtMs: number | undefined;
  /** Published by the page before the reload. */
  readonly restored: boolean;
}

export function newEntry(
  channel: string,
  members: string,
  receipt: PublishEntry['receipt'],
  stored: PublishEntry['stored'],
): PublishEntry {
  return {
    channel,
    members,
    bytes: byteLength(members),
    receipt,
    stored,
    producer: '',
    seq: 0,
    prev: 0,
    requestId: undefined,
    maybeAccepted: false,
    firstSentAtMs: undefined,
    restored: false,
  };
}

/** JSON text of what a publish frame says after its producer; `json` is that of the payload. @throws TypeError when the payload is not JSON. */
export function frameMembers(
  json: string | undefined,
  options: PublishOptions,
  trace: string | undefined,
): string {
  if (json === undefined) throw new TypeError('The payload is not a JSON value');
  let members = `,"payload":${json}`;
  if (options.event !== undefined) members += `,"event":${JSON.stringify(options.event)}`;
  if (options.stored) members += ',"stored":true';
  if (trace !== undefined) members += `,"trace":${JSON.stringify(trace)}`;
  return members;
}

/** The whole `publish` frame. */
export function publishFrame(entry: PublishEntry, requestId: number): string {
  const producer = `{"id":"${entry.producer}","seq":${entry.seq},"prev":${entry.prev}}`;
  return `{"type":"publish","id":${requestId},"channel":${JSON.stringify(entry.channel)},"producer":${producer}${entry.members}}`;
}

/** Size of the frame on the wire, in bytes. Text is not measured again: the payload's size is known. */
export function frameBytes(entry: PublishEntry, frame: string, encoded: Encoded): number {
  return typeof encoded === 'string' ? frame.length - entry.members.length + entry.bytes : encoded.length;
}

/** Bytes on the wire: a text goes in UTF-8. */
export function byteLength(encoded: Encoded): number {
  return (typeof encoded === 'string' ? new TextEncoder().encode(encoded) : encoded).length;
}
