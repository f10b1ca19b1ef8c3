import { RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { pause } from './pause.ts';

export interface WaitOptions {
  /** What is waited for, e.g. `Postgres at db:5432`. */
  readonly what: string;
  /** Resolves when it is there, rejects while it isn't. */
  readonly attempt: () => Promise<void>;
  readonly telemetry: Telemetry;
  readonly signal?: AbortSignal;
  readonly backoff?: BackoffOptions;
}

/** Waits, and says so in the log, until something that the service needs is there. Rejects only when `signal` aborts. */
export async function waitFor({ what, attempt, telemetry, signal, backoff }: WaitOptions): Promise<void> {
  const log = new RepeatedLog(telemetry.loggerOf('start'));
  for (let failures = 1; ; failures++) {
    try {
      await attempt();
      if (failures > 1) telemetry.logger.info(`${what} is there`);
      return;
    } catch (error) {
      log.warn({ err: error, attempts: failures }, `waiting for ${what}`);
      await pause(backoffMs(failures, backoff), signal);
      if (signal?.aborted === true) throw new Error(`gave up waiting for ${what}`, { cause: error });
    }
  }
}
