import { type Counter, type Family, type Logger, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { isOutage, reasonOf } from './outage.ts';
import { pause } from './pause.ts';

/** Failures in a row, without progress in between, after which a loop is critical. */
const CRITICAL_AFTER = 5;
const DEFAULT_HEALTHY_AFTER_MS = 30_000;

type AfterCritical = 'retry' | 'stop';

export interface LoopOptions {
  /** In logs, metrics and health. */
  readonly name: string;
  /**
   * Runs until `signal` aborts; call `progress` whenever something was achieved, it costs next to nothing. A throw is a
   * failure, and so is an end that nobody asked for, unless `everyMs` is set.
   */
  readonly run: (signal: AbortSignal, progress: () => void) => Promise<void>;
  /** Nothing is run before this has resolved: what a start doesn't need can wait for its end. Must not reject. */
  readonly startsAfter?: Promise<unknown> | undefined;
  /** `run` is one round: it is called again this long after it ended well, which counts as progress. */
  readonly everyMs?: number;
  readonly backoff?: BackoffOptions;
  /** A run that has lasted this long counts as progress, too. Default 30,000. */
  readonly healthyAfterMs?: number;
  /**
   * After five failures without progress the loop is critical and the service not ready. `retry`: it is tried again at
   * the longest delay. `stop`: it isn't, and liveness fails, so that the process is restarted. Default: `retry` for an
   * outage (an error that says it is retryable, or a network error), else `stop`.
   */
  readonly onCritical?: AfterCritical | ((error: unknown) => AfterCritical);
}

export interface LoopStatus {
  readonly name: string;
  /** `given-up`: critical, and not tried again. */
  readonly state: 'running' | 'failing' | 'critical' | 'given-up' | 'stopped';
  readonly failuresInARow: number;
  readonly lastError: string | undefined;
}

/**
 * A long-running loop that is restarted when it fails: with a growing delay, a log line, a count, and a state for
 * health. It never spins.
 */
export class SupervisedLoop {
  readonly #options: LoopOptions;
  readonly #logger: Logger;
  readonly #log: RepeatedLog;
  readonly #restarts: Counter;
  readonly #abort = new AbortController();
  #ended: Promise<void> | undefined;
  #failures = 0;
  #lastError: string | undefined;
  #givenUp = false;

  constructor(options: LoopOptions, telemetry: Telemetry, restarts: Family<Counter>) {
    this.#options = options;
    this.#logger = telemetry.loggerOf('loops');
    this.#log = new RepeatedLog(this.#logger);
    this.#restarts = restarts.labels(options.name);
  }

  get status(): LoopStatus {
    return {
      name: this.#options.name,
      state: this.#state(),
      failuresInARow: this.#failures,
      lastError: this.#lastError,
    };
  }

  start(): void {
    this.#ended ??= this.#superviseLoop();
  }

  /** Aborts the loop and waits until it has ended. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  #state(): LoopStatus['state'] {
    if (this.#abort.signal.aborted) return 'stopped';
    if (this.#givenUp) return 'given-up';
    if (this.#failures >= CRITICAL_AFTER) return 'critical';
    return this.#failures > 0 ? 'failing' : 'running';
  }

  async #superviseLoop(): Promise<void> {
    const { signal } = this.#abort;
    if (this.#options.startsAfter !== undefined) await eitherOf(this.#options.startsAfter, signal);
    while (!signal.aborted && !this.#givenUp) {
      try {
        await this.#runOnce(signal);
      } catch (error) {
        if (!signal.aborted) await this.#failed(error);
      }
    }
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    const { name, run, everyMs, healthyAfterMs = DEFAULT_HEALTHY_AFTER_MS } = this.#options;
    const healthy = setTimeout(this.#progress, healthyAfterMs);
    try {
      await run(signal, this.#progress);
    } finally {
      clearTimeout(healthy);
    }
    if (signal.aborted) return;
    if (everyMs === undefined) throw new Error(`${name} ended although nobody asked it to`);
    this.#progress();
    await pause(everyMs, signal);
  }

  async #failed(error: unknown): Promise<void> {
    this.#failures++;
    this.#lastError = reasonOf(error);
    const critical = this.#failures >= CRITICAL_AFTER;
    this.#givenUp = critical && this.#afterCritical(error) === 'stop';
    const fields = { loop: this.#options.name, failures: this.#failures, err: error };
    if (this.#givenUp) {
      this.#logger.fatal(fields, 'loop is critical: it failed too often and is not started again');
      return;
    }
    // At the longest delay, with jitter: many processes lose the same Redis at the same moment.
    const attempt = critical ? Number.POSITIVE_INFINITY : this.#failures;
    const delayMs = backoffMs(attempt, this.#options.backoff);
    const detailed = { ...fields, delayMs: Math.round(delayMs) };
    if (this.#failures === CRITICAL_AFTER)
      this.#logger.error(
        detailed,
        'loop is critical: it failed too often, trying again at the longest delay',
      );
    else this.#log.warn(detailed, 'loop failed, starting it again');
    await pause(delayMs, this.#abort.signal);
    if (!this.#abort.signal.aborted) this.#restarts.add();
  }

  #afterCritical(error: unknown): AfterCritical {
    const { onCritical } = this.#options;
    if (typeof onCritical === 'function') return onCritical(error);
    return onCritical ?? (isOutage(error) ? 'retry' : 'stop');
  }

  readonly #progress = (): void => {
    if (this.#failures === 0) return;
    this.#logger.info({ loop: this.#options.name, failures: this.#failures }, 'loop works again');
    this.#failures = 0;
    this.#lastError = undefined;
    this.#log.reset();
  };
}

/** Resolves with the promise, or when the signal aborts. */
async function eitherOf(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await Promise.race([promise, aborted]);
}
