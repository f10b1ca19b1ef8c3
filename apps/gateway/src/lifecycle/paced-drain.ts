import { type Logger, METRICS, type Telemetry } from '@carillon/telemetry';
import type { Connection } from '../session/connection.ts';
import type { Connections } from '../session/connections.ts';

const TICK_MS = 100;
/** After a pause of this process the clients of at most so many ticks are told at once. */
const MAX_TICKS_AT_ONCE = 2;
/** A client with open requests is told last, and not before they are answered or this has passed. */
const REQUEST_PATIENCE_MS = 5000;

export interface DrainStatus {
  readonly state: 'draining' | 'drained';
  readonly ratePerSecond: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** When it began. */
  readonly total: number;
  /** Clients that were told to go elsewhere. */
  readonly told: number;
  /** Connections that are still there. */
  readonly remaining: number;
  /** Milliseconds since 1970; absent when it is over. */
  readonly expectedEndAt?: number;
}

export interface PacedDrainDependencies {
  readonly connections: Connections;
  /** Has the client asked something, or is it asked something, that is not answered? */
  readonly isBusy: (connection: Connection) => boolean;
  /** The clock that all services share. */
  readonly nowMs: () => number;
  readonly telemetry: Telemetry;
}

interface Run {
  ratePerSecond: number;
  readonly startedAt: number;
  readonly total: number;
  told: number;
  /** Clients that may be told now; grows with time. */
  credit: number;
  lastTickMs: number;
  /** When somebody without open requests was last told. */
  idleToldMs: number;
  readonly timer: NodeJS.Timeout;
  readonly drained: PromiseWithResolvers<void>;
}

/** Tells clients to go elsewhere at a rate, so that the other gateways can take them as they come. */
export class PacedDrain {
  readonly #deps: PacedDrainDependencies;
  readonly #logger: Logger;
  readonly #told;
  #run: Run | undefined;

  constructor(deps: PacedDrainDependencies) {
    const { metrics } = deps.telemetry;
    this.#deps = deps;
    this.#logger = deps.telemetry.loggerOf('drain');
    this.#told = metrics.counter(METRICS.drainedConnections);
    metrics.gauge(METRICS.drainRemaining, () => this.status()?.remaining ?? 0);
  }

  /** With one under way: goes on at this rate. */
  begin(ratePerSecond: number): void {
    if (this.#run !== undefined) {
      this.#run.ratePerSecond = ratePerSecond;
      return;
    }
    const nowMs = performance.now();
    const { connections } = this.#deps;
    this.#run = {
      ratePerSecond,
      startedAt: this.#deps.nowMs(),
      total: connections.size,
      told: 0,
      credit: 0,
      lastTickMs: nowMs,
      idleToldMs: nowMs,
      timer: setInterval(() => this.#tick(performance.now()), TICK_MS),
      drained: Promise.withResolvers(),
    };
    this.#logger.info({ ratePerSecond, connections: connections.size }, 'clients are told to go elsewhere');
  }

  /** Those that are still here stay. */
  stop(): void {
    const run = this.#run;
    if (run === undefined) return;
    clearInterval(run.timer);
    this.#run = undefined;
    this.#logger.info({ told: run.told, remaining: this.#deps.connections.size }, 'the drain has ended');
  }

  /** For the end of the process: resolves when nobody is left, or after `budgetMs`. The rate is raised where it would take longer. */
  async finish(ratePerSecond: number, budgetMs: number): Promise<void> {
    const { size } = this.#deps.connections;
    if (size === 0 || ratePerSecond === 0) return this.stop();
    const needed = Math.ceil((size * 1000) / Math.max(TICK_MS, budgetMs - REQUEST_PATIENCE_MS));
    if (needed > ratePerSecond)
      this.#logger.warn(
        { connections: size, ratePerSecond, needed },
        'the time to stop is too short for the rate of the drain: clients go faster. Raise CARILLON_SHUTDOWN_TIMEOUT_MS',
      );
    this.begin(Math.max(ratePerSecond, needed, this.#run?.ratePerSecond ?? 0));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, budgetMs);
    await Promise.race([this.#run?.drained.promise, late]);
    clearTimeout(timer);
    this.stop();
  }

  status(): DrainStatus | undefined {
    if (this.#run === undefined) return undefined;
    const { ratePerSecond, startedAt, total, told } = this.#run;
    const remaining = this.#deps.connections.size;
    const common = { ratePerSecond, startedAt, total, told, remaining };
    if (remaining === 0) return { state: 'drained', ...common };
    const expectedEndAt = Math.round(this.#deps.nowMs() + (remaining * 1000) / ratePerSecond);
    return { state: 'draining', ...common, expectedEndAt };
  }

  #tick(nowMs: number): void {
    const run = this.#run!;
    const elapsedMs = Math.min(nowMs - run.lastTickMs, MAX_TICKS_AT_ONCE * TICK_MS);
    run.lastTickMs = nowMs;
    // What nobody took of the time before is gone: the rate holds for every second.
    run.credit = Math.min(1 + (run.ratePerSecond * MAX_TICKS_AT_ONCE * TICK_MS) / 1000, run.credit);
    run.credit += (run.ratePerSecond * elapsedMs) / 1000;
    this.#tellSome(run, nowMs);
    if (this.#deps.connections.size === 0) run.drained.resolve();
  }

  #tellSome(run: Run, nowMs: number): void {
    const busyMayGo = nowMs - run.idleToldMs > REQUEST_PATIENCE_MS;
    for (const connection of this.#deps.connections.all()) {
      if (run.credit < 1) return;
      if (connection.state === 'closing') continue;
      const isBusy = this.#deps.isBusy(connection);
      if (isBusy && !busyMayGo) continue;
      if (!isBusy) run.idleToldMs = nowMs;
      run.credit--;
      run.told++;
      this.#told.add();
      connection.close('DRAINING', undefined, Math.round(Math.random() * TICK_MS));
    }
  }
}
