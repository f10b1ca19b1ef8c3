import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 20;

export interface EventuallyOptions {
  /** Condition awaited, for the error's text. */
  readonly what: string;
  /** A bound for what never happens, not for what is slow: machines that build are busy. Default 20,000. */
  readonly timeoutMs?: number;
}

/** Waits until `check` holds, for state that announces no change. @throws Error that names what did not happen, and the last failure of `check`. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  { what, timeoutMs = 20_000 }: EventuallyOptions,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      if (await check()) return;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await pause(POLL_MS);
  }
  throw new Error(`did not happen within ${timeoutMs} ms: ${what}`, { cause: lastError });
}
