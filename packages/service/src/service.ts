import { METRICS, type Telemetry } from '@carillon/telemetry';
import { Health } from './health.ts';
import { type LoopOptions, SupervisedLoop } from './supervise-loop.ts';

/** A part of a service that is started and stopped in order. */
export interface Part {
  readonly name: string;
  start?(): Promise<void>;
  stop?(): Promise<void>;
}

/** A running service, whichever it is. */
export interface Service {
  readonly name: string;
  readonly health: Health;
  /** Starts the parts in order; when one fails, stops those that were started, in reverse order, and rejects. */
  start(): Promise<void>;
  /** Stops the parts in reverse order; each is stopped although another failed to. */
  stop(): Promise<void>;
}

/** The lifecycle all services share: ordered parts, supervised loops, readiness. */
export class ServiceShell implements Service {
  readonly name: string;
  readonly health = new Health();
  readonly #telemetry: Telemetry;
  readonly #parts: Part[] = [];
  readonly #started: Part[] = [];
  readonly #restarts;
  #phase: 'starting' | 'running' | 'stopping' = 'starting';

  constructor(telemetry: Telemetry) {
    this.name = telemetry.service;
    this.#telemetry = telemetry;
    this.#restarts = telemetry.metrics.counters(METRICS.loopRestarts);
    this.health.add('lifecycle', () =>
      this.#phase === 'running' ? undefined : `the service is ${this.#phase}`,
    );
  }

  /** Call before `start`, in the order in which the parts are to start. */
  add(part: Part): void {
    this.#parts.push(part);
  }

  /** A supervised loop as a part; while it is critical the service isn't ready. */
  addLoop(options: LoopOptions): SupervisedLoop {
    const loop = new SupervisedLoop(options, this.#telemetry, this.#restarts);
    this.add({ name: options.name, start: async () => loop.start(), stop: () => loop.stop() });
    this.health.add(`loop ${options.name}`, () =>
      loop.status.state === 'critical'
        ? `failed ${loop.status.failuresInARow} times in a row: ${loop.status.lastError}`
        : undefined,
    );
    return loop;
  }

  async start(): Promise<void> {
    for (const part of this.#parts) {
      try {
        await part.start?.();
        this.#started.push(part);
      } catch (error) {
        await this.#stopStarted();
        throw new Error(
          `${this.name} could not start ${part.name}: ${error instanceof Error ? error.message : error}`,
          { cause: error },
        );
      }
    }
    this.#phase = 'running';
  }

  async stop(): Promise<void> {
    this.#phase = 'stopping';
    await this.#stopStarted();
    await this.#telemetry.shutdown();
  }

  async #stopStarted(): Promise<void> {
    for (let part = this.#started.pop(); part !== undefined; part = this.#started.pop()) {
      try {
        await part.stop?.();
      } catch (error) {
        this.#telemetry.logger.error({ err: error }, `${part.name} did not stop cleanly`);
      }
    }
  }
}
