import { METRICS, type Telemetry } from '@carillon/telemetry';
import { Health } from './health.ts';
import { reasonOf } from './outage.ts';
import { type LoopOptions, type LoopStatus, SupervisedLoop } from './supervise-loop.ts';
import { within } from './within.ts';

const DEFAULT_PART_STOP_TIMEOUT_MS = 10_000;
const TIMED_OUT = Symbol('timed out');

/** A part of a service that is started and stopped in order. */
export interface Part {
  readonly name: string;
  /** `signal` aborts when the service is stopped while it starts. A part that fails to start cleans up after itself. */
  start?(signal: AbortSignal): Promise<void>;
  stop?(): Promise<void>;
  /** After this long the next part is stopped although this one isn't done. Default 10,000. */
  readonly stopTimeoutMs?: number;
}

/** A running service, whichever it is. */
export interface Service {
  readonly name: string;
  readonly health: Health;
  /**
   * Starts the parts in order; when one fails, stops those that were started, in reverse order, and rejects. Also rejects
   * when the service is stopped meanwhile.
   */
  start(): Promise<void>;
  /** Stops the parts in reverse order; each is stopped although another failed to. Never rejects. */
  stop(): Promise<void>;
  /** Reads again what may change while it runs, e.g. a certificate. Absent: there is nothing of that kind. */
  reload?(): void;
}

/** A service could not start; the message names the part and the reason. */
export class ServiceStartError extends Error {
  readonly code = 'SERVICE_START_FAILED';
  readonly retryable = false;
  readonly part: string;

  constructor(service: string, part: string, cause: unknown) {
    super(`${service} could not start ${part}: ${reasonOf(cause)}`, { cause });
    this.name = 'ServiceStartError';
    this.part = part;
  }
}

/** The lifecycle all services share: ordered parts, supervised loops, readiness. */
export class ServiceShell implements Service {
  readonly name: string;
  readonly health = new Health();
  readonly #telemetry: Telemetry;
  readonly #parts: Part[] = [];
  readonly #started: Part[] = [];
  readonly #loops: SupervisedLoop[] = [];
  readonly #restarts;
  readonly #abort = new AbortController();
  #phase: 'starting' | 'running' | 'stopping' | 'stopped' = 'starting';
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(telemetry: Telemetry) {
    this.name = telemetry.service;
    this.#telemetry = telemetry;
    this.#restarts = telemetry.metrics.counters(METRICS.loopRestarts);
    telemetry.metrics.gauge(METRICS.loopCritical, () => this.#loops.map(criticalSample));
    this.health.add('lifecycle', () =>
      this.#phase === 'running' ? undefined : `the service is ${this.#phase}`,
    );
    this.health.add('log', () => telemetry.logProblem(), { affects: 'nothing' });
  }

  /** Aborts when the service begins to stop. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get loops(): readonly LoopStatus[] {
    return this.#loops.map(({ status }) => status);
  }

  /** Call before `start`, in the order in which the parts are to start. */
  add(part: Part): void {
    this.#parts.push(part);
  }

  /** A supervised loop as a part; while it is critical the service isn't ready. */
  addLoop(options: LoopOptions): SupervisedLoop {
    const loop = new SupervisedLoop(options, this.#telemetry, this.#restarts);
    this.#loops.push(loop);
    this.add({ name: options.name, start: async () => loop.start(), stop: () => loop.stop() });
    this.health.add(`loop ${options.name}`, () =>
      loop.status.state === 'critical' ? loopProblem(loop) : undefined,
    );
    this.health.add(
      `loop ${options.name} is not given up`,
      () => (loop.status.state === 'given-up' ? loopProblem(loop) : undefined),
      { affects: 'live' },
    );
    return loop;
  }

  start(): Promise<void> {
    this.#starting ??= this.#startParts();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopParts();
    return this.#stopping;
  }

  async #startParts(): Promise<void> {
    for (const part of this.#parts) {
      try {
        this.signal.throwIfAborted();
        await part.start?.(this.signal);
        this.#started.push(part);
      } catch (error) {
        // When it was stopped on purpose, stop() takes care of what was started.
        if (!this.signal.aborted) await this.#stopStarted();
        throw new ServiceStartError(this.name, part.name, error);
      }
    }
    // The last part may have started although it was told to stop.
    this.signal.throwIfAborted();
    this.#phase = 'running';
  }

  async #stopParts(): Promise<void> {
    this.#phase = 'stopping';
    this.#abort.abort(new Error(`${this.name} is stopped`));
    const startEnded = this.#starting?.then(
      () => undefined,
      () => undefined, // reported to the caller of start()
    );
    await within(Promise.resolve(startEnded), DEFAULT_PART_STOP_TIMEOUT_MS, undefined);
    await this.#stopStarted();
    await this.#telemetry.shutdown();
    this.#phase = 'stopped';
  }

  async #stopStarted(): Promise<void> {
    for (let part = this.#started.pop(); part !== undefined; part = this.#started.pop())
      await this.#stopPart(part);
  }

  async #stopPart(part: Part): Promise<void> {
    const { name, stopTimeoutMs = DEFAULT_PART_STOP_TIMEOUT_MS } = part;
    const { logger } = this.#telemetry;
    try {
      const stopped = Promise.resolve(part.stop?.());
      if ((await within(stopped, stopTimeoutMs, TIMED_OUT)) === TIMED_OUT)
        logger.error({ part: name, stopTimeoutMs }, 'part did not stop in time, going on without it');
    } catch (error) {
      logger.error({ part: name, err: error }, 'part did not stop cleanly');
    }
  }
}

function criticalSample(loop: SupervisedLoop): readonly [readonly string[], number] {
  const { name, state } = loop.status;
  return [[name], state === 'critical' || state === 'given-up' ? 1 : 0];
}

function loopProblem({ status }: SupervisedLoop): string {
  return `failed ${status.failuresInARow} times in a row: ${status.lastError}`;
}
