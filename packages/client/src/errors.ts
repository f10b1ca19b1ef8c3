/** Errors of the SDK: those that the server sent, and those that happen before or instead of an answer. */
import type { ErrorCode, RequestErrorBody } from '@carillon/protocol';

/**
 * Codes that only the SDK gives.
 * `CLOSED`: the client was closed. `GAVE_UP`: no connection, and no further attempt. `CONNECTION_LOST`: a connection or an
 * attempt ended. `TOKEN_CALLBACK_FAILED`: `getToken` threw. `OUTBOX_FULL`: too many publishes wait. `REQUESTS_FULL`: too
 * many requests wait. `FRAME_UNREADABLE`: the server sent something that is no frame. `STATE_NOT_SAVED`: the storage
 * refused the client's state. `SNAPSHOT_FAILED`: `onSnapshotNeeded` threw. `USER_CHANGED`: it waited for a connection, and the
 * next one is another user's.
 */
export type ClientErrorCode =
  | 'CLOSED'
  | 'GAVE_UP'
  | 'CONNECTION_LOST'
  | 'TOKEN_CALLBACK_FAILED'
  | 'OUTBOX_FULL'
  | 'REQUESTS_FULL'
  | 'FRAME_UNREADABLE'
  | 'STATE_NOT_SAVED'
  | 'SNAPSHOT_FAILED'
  | 'USER_CHANGED';

export class RealtimeError extends Error {
  /** A code of the protocol's registry, or one of the SDK's own. */
  readonly code: ErrorCode | ClientErrorCode;
  /** May the same request succeed later, unchanged? */
  readonly retryable: boolean;
  /** Wait at least this long, in milliseconds; absent when the server gave no hint. */
  readonly retryAfterMs: number | undefined;
  /** With `RESPONDER_ERROR`: the back end's own code, where it gave one. */
  readonly reason: string | undefined;
  /** With `PRODUCER_OUT_OF_ORDER`: the last sequence of the producer on the channel that the server accepted. */
  readonly lastSeq: number | undefined;

  constructor(
    code: ErrorCode | ClientErrorCode,
    message: string,
    options: {
      retryable?: boolean;
      retryAfterMs?: number | undefined;
      reason?: string | undefined;
      lastSeq?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RealtimeError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.reason = options.reason;
    this.lastSeq = options.lastSeq;
  }
}

/** Error for an option outside its allowed values. */
export function wrongOption(name: string, given: string, allowed: string): TypeError {
  return new TypeError(`Option ${name} is ${given}; give ${allowed}`);
}

/** @throws TypeError for a name that is none of `known`, whose members are separated by spaces. */
export function checkNames(given: object, known: string): void {
  for (const name in given) {
    if (!` ${known} `.includes(` ${name} `))
      throw new TypeError(`Option ${name} is unknown; known are ${known}`);
  }
}

export function frameTooLarge(bytes: number, maxFrameBytes: number): RealtimeError {
  const text = `The frame has ${bytes} bytes; the server takes at most ${maxFrameBytes}`;
  return new RealtimeError('FRAME_TOO_LARGE', text);
}

export function fromErrorBody(body: RequestErrorBody & { readonly lastSeq?: number }): RealtimeError {
  return new RealtimeError(body.code, body.message, body);
}
