/** Reads members of a parsed frame. Each fault names the member, what came and what is allowed. Rule [FR5]. */
import {
  CHANNEL_NAME_ALPHABET,
  type ChannelNameFault,
  channelNameFault,
  MAX_CHANNEL_NAME_LENGTH,
} from './channel-name.ts';
import { CarillonError } from './errors.ts';
import type { Position, RequestId } from './frame-parts.ts';

export type JsonObject = { readonly [member: string]: unknown };

const MAX_SHOWN = 60;
const MAX_ID_LENGTH = 64;
const EPOCH = /^[0-9A-Za-z_-]{1,32}$/;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Short form of a received value for an error text, on one line. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(typeof value === 'string' ? value.slice(0, MAX_SHOWN) : value);
  return typeof value === 'string' && value.length > MAX_SHOWN
    ? `${text}... (${value.length} characters)`
    : text;
}

/** @throws CarillonError FRAME_INVALID */
export function refuse(member: string, value: unknown, allowed: string): never {
  throw new CarillonError('FRAME_INVALID', `${member}: got ${shown(value)}; allowed: ${allowed}`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object of the envelope. `__proto__` as a member name is refused: it has no honest use. */
export function readObject(member: string, value: unknown): JsonObject {
  if (!isObject(value)) return refuse(member, value, 'an object');
  if (Object.hasOwn(value, '__proto__')) {
    throw new CarillonError(
      'FRAME_INVALID',
      `${member}: has a member named __proto__; allowed: any other name`,
    );
  }
  return value;
}

export function readText(member: string, value: unknown, maxLength: number): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= maxLength) return value;
  return refuse(member, value, `text of 1..${maxLength} characters`);
}

export function readInteger(member: string, value: unknown, min: number, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max)
    return value as number;
  return refuse(member, value, `an integer ${min}..${max}`);
}

export function readFlag(member: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : refuse(member, value, 'true or false');
}

export function readArray(member: string, value: unknown, maxLength: number): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0 && value.length <= maxLength) return value;
  return refuse(member, value, `an array of 1..${maxLength}`);
}

export function isRequestId(value: unknown): value is RequestId {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH;
}

export function readRequestId(value: unknown, member = 'id'): RequestId {
  return isRequestId(value)
    ? value
    : refuse(member, value, `an integer or text of 1..${MAX_ID_LENGTH} characters`);
}

const ALLOWED_CHANNEL = `1..${MAX_CHANNEL_NAME_LENGTH} characters of ${CHANNEL_NAME_ALPHABET}`;

function channelComplaint(fault: ChannelNameFault, channel: string): string {
  if (fault === 'reserved')
    return 'names starting with # are reserved: #system, #user:<user> and #session:<session> are those that exist';
  return `allowed: ${ALLOWED_CHANNEL}${fault === 'too-long' ? `; it has ${channel.length}` : ''}`;
}

/** Error for an invalid channel name; `undefined` when it is valid. */
export function channelError(member: string, channel: string): CarillonError | undefined {
  const fault = channelNameFault(channel);
  if (fault === undefined) return undefined;
  return new CarillonError(
    'CHANNEL_INVALID',
    `${member}: got ${shown(channel)}; ${channelComplaint(fault, channel)}`,
  );
}

/** @throws CarillonError CHANNEL_INVALID, or FRAME_INVALID when it is not text */
export function readChannel(member: string, value: unknown): string {
  if (typeof value !== 'string') return refuse(member, value, ALLOWED_CHANNEL);
  const error = channelError(member, value);
  if (error !== undefined) throw error;
  return value;
}

/** @throws CarillonError POSITION_INVALID */
export function readPosition(member: string, value: unknown): Position {
  if (isObject(value) && typeof value.epoch === 'string' && EPOCH.test(value.epoch)) {
    const { epoch, seq } = value;
    if (Number.isSafeInteger(seq) && (seq as number) >= 0) return { epoch, seq: seq as number };
  }
  const came = isObject(value) ? `epoch ${shown(value.epoch)}, seq ${shown(value.seq)}` : shown(value);
  throw new CarillonError(
    'POSITION_INVALID',
    `${member}: got ${came}; allowed: {"epoch": text of 1..32 letters, digits, _ or -, "seq": integer from 0}`,
  );
}

/** A W3C traceparent; anything else is ignored, as the W3C recommendation says. */
export function traceparentOf(value: unknown): string | undefined {
  return typeof value === 'string' && TRACEPARENT.test(value) ? value : undefined;
}
