import { setTimeout as pause } from 'node:timers/promises';
import { parseJson } from '@carillon/protocol';
import { ApiError, errorOfResponse } from './api-error.ts';
import { checkNames, checkNumber, MAX_TIMER_MS } from './check-options.ts';

export interface RetryPolicy {
  /** Attempts in all. */
  readonly maxAttempts: number;
  /** Cap of the first pause, in milliseconds; doubled from attempt to attempt, full jitter. */
  readonly initialMs: number;
  /** Highest cap, in milliseconds. */
  readonly maxMs: number;
  /** Time for one attempt, in milliseconds. */
  readonly attemptTimeoutMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 5,
  initialMs: 200,
  maxMs: 5_000,
  attemptTimeoutMs: 10_000,
};

/** @throws TypeError that names the option, what was given, what is allowed */
export function checkRetry(retry: Partial<RetryPolicy> = {}): void {
  checkNames(retry, Object.keys(DEFAULT_RETRY), 'retry.');
  checkNumber('retry.maxAttempts', retry.maxAttempts, 1, Number.MAX_SAFE_INTEGER);
  checkNumber('retry.initialMs', retry.initialMs, 0, MAX_TIMER_MS);
  checkNumber('retry.maxMs', retry.maxMs, 0, MAX_TIMER_MS);
  checkNumber('retry.attemptTimeoutMs', retry.attemptTimeoutMs, 1, MAX_TIMER_MS);
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Gateways remember an `Idempotency-Key` for 10 minutes from its last use: a repeat after that would be a new message. This much of it, so
 * that a repeat on its way arrives in time.
 */
const REPEATABLE_FOR_MS = 480_000;

/** Sends a request that may be repeated; repeats it while the error is a passing one. @throws ApiError the last one. */
export async function requestJson<Answer>(request: HttpRequest, retry: RetryPolicy): Promise<Answer> {
  const beganAt = { monotonicMs: performance.now(), wallMs: Date.now() };
  // One of the clocks stands still while the machine sleeps; the other one may be set back.
  const ageMs = () => Math.max(performance.now() - beganAt.monotonicMs, Date.now() - beganAt.wallMs);
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptJson<Answer>(request, retry.attemptTimeoutMs);
    } catch (error) {
      if (!(error instanceof ApiError) || !error.retryable || attempt >= retry.maxAttempts) throw error;
      const capMs = Math.min(retry.maxMs, retry.initialMs * 2 ** (attempt - 1));
      await pause((error.retryAfterMs ?? 0) + Math.random() * capMs);
      if (ageMs() > REPEATABLE_FOR_MS) throw error;
    }
  }
}

async function attemptJson<Answer>(request: HttpRequest, timeoutMs: number): Promise<Answer> {
  const { url, method, headers, body } = request;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) });
    if (!response.ok) throw await errorOfResponse(response);
    return parseJson(await response.text()) as Answer;
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new ApiError('UNREACHABLE', `${method} ${url.origin}${url.pathname}: ${reasonOf(cause)}`, {
      retryable: true,
      cause,
    });
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { message?: string; code?: string } };
  return cause?.code ?? cause?.message ?? message;
}
