/** Reads the frames of request and response that a client or a worker sends. */
import { CHANNEL_NAME_ALPHABET, channelNameFault, MAX_CHANNEL_NAME_LENGTH } from './channel-name.ts';
import { CarillonError } from './errors.ts';
import type { RequestId } from './frame-parts.ts';
import {
  type JsonObject,
  readArray,
  readFlag,
  readInteger,
  readObject,
  readRequestId,
  readText,
  refuse,
  traceparentOf,
} from './member-reader.ts';
import type {
  CancelFrame,
  RequestFrame,
  ResponderFailure,
  ServeFrame,
  WorkerResponseFrame,
} from './request-frames.ts';

/** The JSON text of a member, as it came; `undefined` when there is none. */
type MemberText = (name: string) => string | undefined;

/** A `request` with the payload's JSON text exactly as it was sent. */
export interface ReceivedRequest extends Omit<RequestFrame, 'payload'> {
  readonly payloadJson: string;
}

/** A worker's `response`, with the payload's JSON text exactly as it was sent. */
export type ReceivedResponse = Pick<WorkerResponseFrame, 'type' | 'id' | 're'> &
  ({ readonly payloadJson: string } | { readonly error: ResponderFailure });

/** Longest time for an answer. */
export const MAX_REQUEST_TIMEOUT_MS = 3_600_000;
/** Most requests that one worker has at a time. */
export const MAX_WORKER_CONCURRENCY = 1000;
const MAX_HANDED_ID_LENGTH = 128;
const MAX_REASON_LENGTH = 128;
const MAX_MESSAGE_LENGTH = 1000;

export function readRequest(frame: JsonObject, id: RequestId, textOf: MemberText): ReceivedRequest {
  const { timeoutMs } = frame;
  const trace = traceparentOf(frame.trace);
  return {
    type: 'request',
    id,
    method: readMethod('method', frame.method),
    payloadJson: payloadOf(textOf),
    ...(timeoutMs !== undefined && {
      timeoutMs: readInteger('timeoutMs', timeoutMs, 1, MAX_REQUEST_TIMEOUT_MS),
    }),
    ...(trace !== undefined && { trace }),
  };
}

export function readCancel({ re }: JsonObject, id: RequestId): CancelFrame {
  return { type: 'cancel', id, re: readRequestId(re, 're') };
}

export function readServe(
  { methods, concurrency }: JsonObject,
  id: RequestId,
  _textOf: MemberText,
  { maxChannelsPerFrame }: { readonly maxChannelsPerFrame: number },
): ServeFrame {
  const given =
    Array.isArray(methods) && methods.length === 0 ? [] : readArray('methods', methods, maxChannelsPerFrame);
  return {
    type: 'serve',
    id,
    methods: given.map((method, index) => readMethod(`methods[${index}]`, method)),
    ...(concurrency !== undefined && {
      concurrency: readInteger('concurrency', concurrency, 1, MAX_WORKER_CONCURRENCY),
    }),
  };
}

export function readResponse(frame: JsonObject, id: RequestId, textOf: MemberText): ReceivedResponse {
  const re = readText('re', frame.re, MAX_HANDED_ID_LENGTH);
  if (frame.error === undefined) return { type: 'response', id, re, payloadJson: payloadOf(textOf) };
  return { type: 'response', id, re, error: readFailure(readObject('error', frame.error)) };
}

function readFailure({ message, reason, retryable }: JsonObject): ResponderFailure {
  return {
    message: readText('error.message', message, MAX_MESSAGE_LENGTH),
    ...(reason !== undefined && { reason: readText('error.reason', reason, MAX_REASON_LENGTH) }),
    ...(retryable !== undefined && { retryable: readFlag('error.retryable', retryable) }),
  };
}

const ALLOWED_METHOD = `1..${MAX_CHANNEL_NAME_LENGTH} characters of ${CHANNEL_NAME_ALPHABET}, the first not #`;

function readMethod(member: string, value: unknown): string {
  const isMethod =
    typeof value === 'string' && channelNameFault(value) === undefined && !value.startsWith('#');
  return isMethod ? value : refuse(member, value, ALLOWED_METHOD);
}

function payloadOf(textOf: MemberText): string {
  const text = textOf('payload');
  if (text !== undefined) return text;
  throw new CarillonError('PAYLOAD_INVALID', 'payload: got nothing; allowed: any JSON value, null included');
}
