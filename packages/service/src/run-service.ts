import type { Telemetry } from '@carillon/telemetry';
import { reasonOf } from './outage.ts';
import type { Service } from './service.ts';

export interface RunOptions {
  /** Of the process, or of its first service: for what concerns all of them. */
  readonly telemetry: Telemetry;
  /** Longest graceful stop; then the process exits with 1. */
  readonly shutdownTimeoutMs: number;
  /** `true`: SIGHUP stops even where there is something to reload, as for a program of a terminal. Default false. */
  readonly stopsOnHangup?: boolean;
  /** Runs when all services have stopped. */
  readonly afterStop?: () => Promise<void>;
}

/** Exit codes that shells report for a process ended by a signal: 128 + the signal's number. */
const EXIT_CODES: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * One Ctrl-C, or one `systemctl stop`, comes twice to a process below npm or another launcher: with its group, and passed on by its parent.
 * A signal this soon after the first one is that one.
 */
const SAME_SIGNAL_MS = 500;

/** After an error that nobody caught the state is unknown: what can't stop quickly is cut off. */
const STOP_AFTER_UNCAUGHT_MS = 5000;

/**
 * Runs services in this process: starts them in order, resolves when all have started, and on SIGTERM or SIGINT stops them
 * in reverse order within the deadline. A second signal, half a second later or more, ends the process at once. SIGHUP reloads the services that
 * can, or stops as well. An error that nobody caught is logged and ends the process. Exit code: 0 after a clean stop, 128 + number after a second signal, else 1.
 */
export async function runServices(services: readonly Service[], options: RunOptions): Promise<void> {
  const { logger } = options.telemetry;
  const running = new RunningServices(options);
  let firstAtMs = Number.NEGATIVE_INFINITY;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (performance.now() - firstAtMs < SAME_SIGNAL_MS) return;
    if (running.stopping) process.exit(EXIT_CODES[signal] ?? 1);
    firstAtMs = performance.now();
    logger.info({ signal }, 'stopping; a second signal ends the process at once');
    void running.stopAndExit(0, options.shutdownTimeoutMs);
  };
  const onUncaught = (error: unknown): void => {
    logger.fatal({ err: error }, 'an error that nobody caught');
    if (running.stopping) process.exit(1);
    void running.stopAndExit(1, Math.min(STOP_AFTER_UNCAUGHT_MS, options.shutdownTimeoutMs));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', (signal) => {
    const reloadable = services.filter(({ reload }) => reload !== undefined);
    if (reloadable.length === 0 || options.stopsOnHangup === true) return onSignal(signal);
    logger.info({ signal }, 'reading again what may change while it runs');
    for (const service of reloadable) service.reload?.();
  });
  process.on('SIGINT', onSignal);
  // Rejected promises that nobody handles end up here, too.
  process.on('uncaughtException', onUncaught);
  try {
    await running.start(services);
  } catch (error) {
    // Stopped while it started: the stop is under way and decides about the exit code.
    if (running.stopping) return;
    logger.fatal({ err: error }, reasonOf(error));
    await running.stopAndExit(1, options.shutdownTimeoutMs);
  }
}

class RunningServices {
  readonly #options: RunOptions;
  /** In the order of their start; includes the one that is starting. */
  readonly #services: Service[] = [];
  #stopping = false;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  async start(services: readonly Service[]): Promise<void> {
    for (const service of services) {
      if (this.#stopping) return;
      this.#services.push(service);
      await service.start();
    }
    const names = services.map(({ name }) => name);
    this.#options.telemetry.logger.info(
      { services: names, sinceProcessStartMs: Math.round(performance.now()) },
      'started',
    );
  }

  async stopAndExit(code: number, timeoutMs: number): Promise<void> {
    const { telemetry, afterStop } = this.#options;
    this.#stopping = true;
    setTimeout(() => {
      const unfinished = this.#services.map(({ name }) => name);
      telemetry.logger.fatal({ timeoutMs, unfinished }, 'the graceful stop took too long');
      process.exit(1);
    }, timeoutMs);
    try {
      for (let last = this.#services.at(-1); last !== undefined; last = this.#services.at(-1)) {
        await last.stop();
        this.#services.pop();
      }
      await afterStop?.();
    } catch (error) {
      telemetry.logger.fatal({ err: error }, 'the stop failed');
      process.exit(1);
    }
    telemetry.logger.info('stopped');
    process.exit(code);
  }
}
