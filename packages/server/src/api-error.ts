import { type ErrorBody, type ErrorCode, isErrorCode } from '@carillon/protocol';

/** Codes that only this SDK gives: no answer came, or one that is not Carillon's. */
export type ApiErrorCode = ErrorCode | 'UNREACHABLE' | 'ANSWER_UNREADABLE';

/** A request that failed, after all repeats. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  /** May the same request succeed later, unchanged? With the same idempotency key a repeat is harmless. */
  readonly retryable: boolean;
  /** Wait at least this long, in milliseconds; absent when the server gave no hint. */
  readonly retryAfterMs: number | undefined;
  /** HTTP status; `undefined` when no answer came. */
  readonly status: number | undefined;
  /** With `PRODUCER_OUT_OF_ORDER`: the last sequence of the producer on the channel that the server accepted. */
  readonly lastSeq: number | undefined;

  constructor(
    code: ApiErrorCode,
    message: string,
    options: {
      readonly retryable: boolean;
      readonly retryAfterMs?: number | undefined;
      readonly status?: number;
      readonly lastSeq?: number | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
    this.lastSeq = options.lastSeq;
  }
}

type AnswerError = ErrorBody & { readonly lastSeq?: number };

export function errorOfBody(body: AnswerError, status?: number): ApiError {
  const { code, message, retryable, retryAfterMs, lastSeq } = body;
  return new ApiError(code, message, {
    retryable,
    retryAfterMs,
    lastSeq,
    ...(status === undefined ? {} : { status }),
  });
}

/** The error in an answer: Carillon's own, or what a proxy in between said. */
export async function errorOfResponse(response: Response): Promise<ApiError> {
  const { status } = response;
  const text = await response.text();
  const body = readErrorBody(text);
  if (body !== undefined) return errorOfBody(body, status);
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ApiError('ANSWER_UNREADABLE', `The server answered ${status}: ${text.slice(0, 200)}`, {
    retryable: status === 429 || status >= 500,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    status,
  });
}

function readErrorBody(text: string): AnswerError | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: AnswerError };
    return error !== undefined && isErrorCode(error.code) ? error : undefined;
  } catch {
    return undefined; // not JSON: an error page of something in between
  }
}
