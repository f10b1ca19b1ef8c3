import type { BackendTrouble } from './backend-trouble.ts';
import { JobsUnavailableError } from './jobs-error.ts';

/**
 * Bounds what BullMQ would wait for without end. Rejects with {@link JobsUnavailableError}, whatever went wrong; the cause of silence is
 * what the connections complained of.
 */
export async function answered<T>(
  what: string,
  timeoutMs: number,
  request: () => Promise<T>,
  trouble?: BackendTrouble,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const why = trouble?.last === undefined ? '' : `: ${trouble.last.message}`;
    reject(new JobsUnavailableError(`${what} did not answer within ${timeoutMs} ms${why}`, trouble?.last));
  }, timeoutMs);
  try {
    const result = await Promise.race([late, request()]);
    trouble?.over();
    return result;
  } catch (error) {
    throw error instanceof JobsUnavailableError ? error : new JobsUnavailableError(`${what} failed`, error);
  } finally {
    clearTimeout(timer);
  }
}

interface Openable {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Opens all, or none and rejects. On Postgres BullMQ never gets over a failed beginning: it meets the same error for
 * ever, and a worker does so without a pause. So what did not begin well is closed, to be made anew.
 */
export async function openAll<T extends Openable>(
  all: readonly T[],
  timeoutMs: number,
  trouble: BackendTrouble,
): Promise<void> {
  try {
    await Promise.all(
      all.map((one) => answered('the store of the jobs', timeoutMs, () => one.waitUntilReady(), trouble)),
    );
  } catch (error) {
    await Promise.allSettled(all.map((one) => answered('closing', timeoutMs, () => one.close())));
    throw error;
  }
}
