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

  constructor(
    code: ApiErrorCode,
    message: string,
    options: { retryable: boolean; retryAfterMs?: number | undefined; status?: number; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
  }
}

export function errorOfBody(body: ErrorBody, status?: number): ApiError {
  const { code, message, retryable, retryAfterMs } = body;
  return new ApiError(code, message, {
    retryable,
    retryAfterMs,
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

function readErrorBody(text: string): ErrorBody | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: ErrorBody };
    return error !== undefined && isErrorCode(error.code) ? error : undefined;
  } catch {
    return undefined; // not JSON: an error page of something in between
  }
}
