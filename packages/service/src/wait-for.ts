import { RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import type { Health } from './health.ts';
import { reasonOf } from './outage.ts';
import { pause } from './pause.ts';

const DEFAULT_ATTEMPT_TIMEOUT_MS = 10_000;

export interface WaitOptions {
  /** Name of the dependency, e.g. `Postgres at db:5432`. */
  readonly what: string;
  /** Resolves when it is there, rejects while it isn't. `signal` aborts when the attempt is given up. */
  readonly attempt: (signal: AbortSignal) => Promise<unknown>;
  readonly telemetry: Telemetry;
  /** Is it an error that no waiting mends, such as a wrong setting? Then it is passed on. Default: none is. */
  readonly isFinal?: (error: Error) => boolean;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** An attempt that takes longer counts as failed. Default 10,000. */
  readonly attemptTimeoutMs?: number;
  /** Says there what is waited for, and why, as long as it isn't there. */
  readonly health?: Health;
}

/**
 * Waits, and says so in the log and in the readiness, until something that the service needs is there. Without limit:
 * who starts everything at once needn't care about the order. Rejects only when `signal` aborts, or with a final error.
 */
export async function waitFor(options: WaitOptions): Promise<void> {
  const { what, telemetry, signal, health } = options;
  const log = new RepeatedLog(telemetry.loggerOf('start'));
  let problem: string | undefined;
  const removeCheck = health?.add(`start: ${what}`, () => problem);
  try {
    for (let failures = 1; ; failures++) {
      const error = await failureOf(options);
      if (error === undefined) {
        if (failures > 1) telemetry.loggerOf('start').info({ attempts: failures }, `${what} is there`);
        return;
      }
      if (options.isFinal?.(error) === true) throw error;
      problem = `waiting: ${reasonOf(error)}`;
      if (!isAborted(signal)) {
        log.warn({ err: error, attempts: failures }, `waiting for ${what}`);
        await pause(backoffMs(failures, options.backoff), signal);
      }
      if (isAborted(signal)) throw new Error(`gave up waiting for ${what}`, { cause: error });
    }
  } finally {
    removeCheck?.();
  }
}

/** Not inlined: the compiler believes that a signal that was not aborted stays so. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** `undefined` when the attempt succeeded. */
async function failureOf(options: WaitOptions): Promise<Error | undefined> {
  try {
    await attemptOnce(options);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function attemptOnce({ attempt, signal, attemptTimeoutMs }: WaitOptions): Promise<void> {
  const timeoutMs = attemptTimeoutMs ?? DEFAULT_ATTEMPT_TIMEOUT_MS;
  const abort = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (reason: string): void => {
    reject(new Error(reason));
    abort.abort();
  };
  const onAbort = (): void => end('aborted');
  const timer = setTimeout(() => end(`no answer within ${timeoutMs} ms`), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted === true) throw new Error('aborted');
    await Promise.race([attempt(abort.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
