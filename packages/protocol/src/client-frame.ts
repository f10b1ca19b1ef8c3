/**
 * Reads and validates what a client sends. Hand-written: it runs for every frame. Unknown members are ignored, so that a
 * newer client can talk to an older gateway. Rules [FR1]-[FR8] of SPEC.md.
 */
import { CarillonError } from './errors.ts';
import type { Position, RequestId } from './frame-parts.ts';
import type { AckFrame, HistoryFrame, PingFrame, ProducerStamp, PublishFrame } from './frames.ts';
import { findMember, isDeeperThan } from './json-scan.ts';
import {
  channelError,
  isObject,
  isRequestId,
  type JsonObject,
  readArray,
  readChannel,
  readFlag,
  readInteger,
  readObject,
  readPosition,
  readRequestId,
  readText,
  refuse,
  shown,
  traceparentOf,
} from './member-reader.ts';
import type { CancelFrame, ServeFrame } from './request-frames.ts';
import {
  type ReceivedRequest,
  type ReceivedResponse,
  readCancel,
  readRequest,
  readResponse,
  readServe,
} from './request-reader.ts';
import type { ConnectFrame, RefreshFrame } from './session-frames.ts';
import { readConnect, readRefresh } from './session-reader.ts';

export interface FrameLimits {
  /** Deepest nesting of objects and arrays; the frame itself is level 1. */
  readonly maxFrameDepth: number;
  readonly maxChannelsPerFrame: number;
}

/** One entry of a `subscribe`. A fault concerns only this channel; the others are served. */
export type ReceivedSubscription =
  | {
      readonly channel: string;
      readonly position: Position | undefined;
      readonly consumer: string | undefined;
      readonly fault: undefined;
    }
  | { readonly channel: string; readonly fault: CarillonError };

export interface ReceivedSubscribe {
  readonly type: 'subscribe';
  readonly id: RequestId;
  readonly channels: readonly ReceivedSubscription[];
}

export interface ReceivedUnsubscribe {
  readonly type: 'unsubscribe';
  readonly id: RequestId;
  readonly channels: readonly string[];
}

/** A `publish` with the payload's JSON text exactly as it was sent. */
export interface ReceivedPublish extends Omit<PublishFrame, 'payload' | 'producer'> {
  readonly payloadJson: string;
  readonly producer?: Required<ProducerStamp>;
}

export type ReceivedFrame =
  | ConnectFrame
  | RefreshFrame
  | ReceivedSubscribe
  | ReceivedUnsubscribe
  | ReceivedPublish
  | HistoryFrame
  | AckFrame
  | ReceivedRequest
  | CancelFrame
  | ServeFrame
  | ReceivedResponse
  | PingFrame;

export type FrameReading =
  | { readonly frame: ReceivedFrame }
  /** `re` is the frame's id when it could be read. */
  | { readonly error: CarillonError; readonly re: RequestId | undefined };

export const MAX_EVENT_LENGTH = 128;
export const MAX_HISTORY_LIMIT = 1000;
const PRODUCER_ID = /^[A-Za-z0-9_-]{8,64}$/;
const CONSUMER_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

/** The JSON text of a member, as it came; `undefined` when there is none. */
export type MemberText = (name: string) => string | undefined;

type Reader = (frame: JsonObject, id: RequestId, textOf: MemberText, limits: FrameLimits) => ReceivedFrame;

const readSubscribe: Reader = (frame, id, _textOf, limits) => {
  const entries = readArray('channels', frame.channels, limits.maxChannelsPerFrame);
  return { type: 'subscribe', id, channels: entries.map(readSubscription) };
};

function readSubscription(entry: unknown, index: number): ReceivedSubscription {
  const at = `channels[${index}]`;
  const { channel, position, consumer } = readObject(at, entry);
  if (typeof channel !== 'string') return refuse(`${at}.channel`, channel, 'a channel name');
  const fault = channelError(`${at}.channel`, channel);
  if (fault !== undefined) return { channel, fault };
  try {
    const from = position === undefined ? undefined : readPosition(`${at}.position`, position);
    const name = consumer === undefined ? undefined : readConsumer(`${at}.consumer`, consumer);
    return { channel, position: from, consumer: name, fault: undefined };
  } catch (error) {
    if (error instanceof CarillonError) return { channel, fault: error };
    throw error;
  }
}

function readConsumer(at: string, consumer: unknown): string {
  return typeof consumer === 'string' && CONSUMER_NAME.test(consumer)
    ? consumer
    : refuse(at, consumer, '1..64 characters of A-Z a-z 0-9 _ -');
}

const readAck: Reader = ({ channel, epoch, seq }, id) => ({
  type: 'ack',
  id,
  channel: readChannel('channel', channel),
  ...readPosition('ack', { epoch, seq }),
});

const readUnsubscribe: Reader = (frame, id, _textOf, limits) => {
  const channels = readArray('channels', frame.channels, limits.maxChannelsPerFrame);
  for (const [index, channel] of channels.entries()) {
    if (typeof channel !== 'string') refuse(`channels[${index}]`, channel, 'a channel name');
  }
  return { type: 'unsubscribe', id, channels: channels as readonly string[] };
};

const readPublish: Reader = (frame, id, textOf) => {
  const { event, producer, stored } = frame;
  const channel = readChannel('channel', frame.channel);
  const payloadJson = textOf('payload');
  if (payloadJson === undefined) {
    throw new CarillonError(
      'PAYLOAD_INVALID',
      'payload: got nothing; allowed: any JSON value, null included',
    );
  }
  const trace = traceparentOf(frame.trace);
  return {
    type: 'publish',
    id,
    channel,
    payloadJson,
    ...(event !== undefined && { event: readEvent('event', event) }),
    ...(producer !== undefined && { producer: readProducer(readObject('producer', producer)) }),
    ...(stored !== undefined && { stored: readFlag('stored', stored) }),
    ...(trace !== undefined && { trace }),
  };
};

/** Name of an event: text without control characters. @throws CarillonError FRAME_INVALID */
export function readEvent(member: string, value: unknown): string {
  const event = readText(member, value, MAX_EVENT_LENGTH);
  return CONTROL_CHARACTER.test(event) ? refuse(member, event, 'text without control characters') : event;
}

function readProducer(producer: JsonObject): Required<ProducerStamp> {
  const { id } = producer;
  if (typeof id !== 'string' || !PRODUCER_ID.test(id)) {
    return refuse('producer.id', id, '8..64 characters of A-Z a-z 0-9 _ -');
  }
  const seq = readInteger('producer.seq', producer.seq, 1, Number.MAX_SAFE_INTEGER);
  const prev =
    producer.prev === undefined ? seq - 1 : readInteger('producer.prev', producer.prev, 0, seq - 1);
  return { id, seq, prev };
}

const readHistory: Reader = (frame, id) => {
  const { after, before, limit } = frame;
  if (after !== undefined && before !== undefined) refuse('before', before, 'nothing when after is given');
  return {
    type: 'history',
    id,
    channel: readChannel('channel', frame.channel),
    ...(after !== undefined && { after: readPosition('after', after) }),
    ...(before !== undefined && { before: readPosition('before', before) }),
    ...(limit !== undefined && { limit: readInteger('limit', limit, 1, MAX_HISTORY_LIMIT) }),
  };
};

const readPing: Reader = ({ timestamp }, id) => {
  if (timestamp === undefined) return { type: 'ping', id };
  return { type: 'ping', id, timestamp: readInteger('timestamp', timestamp, 0, Number.MAX_SAFE_INTEGER) };
};

const READERS: ReadonlyMap<unknown, Reader> = new Map<ReceivedFrame['type'], Reader>([
  ['connect', readConnect],
  ['refresh', readRefresh],
  ['subscribe', readSubscribe],
  ['unsubscribe', readUnsubscribe],
  ['publish', readPublish],
  ['history', readHistory],
  ['ack', readAck],
  ['request', readRequest],
  ['cancel', readCancel],
  ['serve', readServe],
  ['response', readResponse],
  ['ping', readPing],
]);

function parse(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CarillonError('FRAME_MALFORMED', 'The frame is not JSON; allowed: one JSON object', { cause });
  }
  if (isObject(value)) return value;
  throw new CarillonError('FRAME_MALFORMED', `The frame is ${shown(value)}; allowed: one JSON object`);
}

function read(frame: JsonObject, text: string, limits: FrameLimits): ReceivedFrame {
  if (isDeeperThan(text, limits.maxFrameDepth)) {
    throw new CarillonError(
      'FRAME_TOO_DEEP',
      `The frame nests objects and arrays deeper than ${limits.maxFrameDepth} levels`,
    );
  }
  readObject('frame', frame);
  return readMembers(
    frame,
    (name) => {
      const span = findMember(text, name);
      return span && text.slice(span.start, span.end);
    },
    limits,
  );
}

/** Validates what was decoded, in whichever encoding it came. @throws CarillonError */
export function readMembers(frame: JsonObject, textOf: MemberText, limits: FrameLimits): ReceivedFrame {
  const id = readRequestId(frame.id);
  const reader = READERS.get(frame.type);
  if (reader !== undefined) return reader(frame, id, textOf, limits);
  const allowed = [...READERS.keys()].join(', ');
  throw new CarillonError('FRAME_TYPE_UNKNOWN', `type: got ${shown(frame.type)}; allowed: ${allowed}`);
}

/** Reads one frame. Never throws for any text. */
export function readClientFrame(text: string, limits: FrameLimits): FrameReading {
  let frame: JsonObject | undefined;
  try {
    frame = parse(text);
    return { frame: read(frame, text, limits) };
  } catch (error) {
    if (!(error instanceof CarillonError)) throw error;
    return { error, re: isRequestId(frame?.id) ? frame.id : undefined };
  }
}
