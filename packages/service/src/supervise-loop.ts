import { type Counter, type Family, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { pause } from './pause.ts';

/** Failures in a row after which a loop counts as critical. */
const CRITICAL_AFTER = 5;

export interface LoopOptions {
  /** In logs, metrics and health. */
  readonly name: string;
  /** Runs until `signal` aborts; call `progress` whenever something was achieved. A throw is a failure. */
  readonly run: (signal: AbortSignal, progress: () => void) => Promise<void>;
  readonly backoff?: BackoffOptions;
}

export interface LoopStatus {
  readonly name: string;
  readonly state: 'running' | 'failing' | 'critical' | 'stopped';
  readonly failuresInARow: number;
  readonly lastError: string | undefined;
}

/** A long-running loop that is restarted when it fails: with a growing delay, a log line, a count, and a state for health. It never spins. */
export class SupervisedLoop {
  readonly #options: LoopOptions;
  readonly #log: RepeatedLog;
  readonly #restarts: Counter;
  readonly #abort = new AbortController();
  #ended: Promise<void> | undefined;
  #failures = 0;
  #lastError: string | undefined;

  constructor(options: LoopOptions, telemetry: Telemetry, restarts: Family<Counter>) {
    this.#options = options;
    this.#log = new RepeatedLog(telemetry.loggerOf('loops'));
    this.#restarts = restarts.labels(options.name);
  }

  get status(): LoopStatus {
    const state = this.#abort.signal.aborted
      ? 'stopped'
      : this.#failures >= CRITICAL_AFTER
        ? 'critical'
        : this.#failures > 0
          ? 'failing'
          : 'running';
    return { name: this.#options.name, state, failuresInARow: this.#failures, lastError: this.#lastError };
  }

  start(): void {
    this.#ended ??= this.#superviseLoop();
  }

  /** Aborts the loop and waits until it has ended. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  async #superviseLoop(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#options.run(signal, this.#progress);
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(error);
        continue;
      }
      // A loop that ends by itself has done its round; the pause keeps one that ends at once from spinning.
      if (!signal.aborted) await pause(1, signal);
    }
  }

  async #failed(error: unknown): Promise<void> {
    this.#failures++;
    this.#lastError = error instanceof Error ? error.message : String(error);
    this.#restarts.add();
    const delayMs = backoffMs(this.#failures, this.#options.backoff);
    this.#log.warn(
      { loop: this.#options.name, failures: this.#failures, delayMs: Math.round(delayMs), err: error },
      `loop ${this.#options.name} failed, starting again`,
    );
    await pause(delayMs, this.#abort.signal);
  }

  readonly #progress = (): void => {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#lastError = undefined;
    this.#log.reset();
  };
}
