import type { Histogram, Logger, Telemetry } from '@carillon/telemetry';
import { METRICS } from '@carillon/telemetry';
import { DatabaseError } from './database-error.ts';
import type { SqlPool, SqlResult } from './sql-pool.ts';

export interface DatabaseDependencies {
  readonly kind: 'postgres' | 'pglite';
  readonly pool: SqlPool;
  readonly telemetry: Telemetry;
  /** Statements that take longer, in milliseconds, are logged. */
  readonly slowQueryMs: number;
  readonly close: () => Promise<void>;
}

/** A pool whose statements have names, are measured, logged when slow, and fail with a {@link DatabaseError}. */
export class Database {
  readonly kind: 'postgres' | 'pglite';
  readonly pool: SqlPool;
  readonly #logger: Logger;
  readonly #slowQueryMs: number;
  readonly #seconds: Histogram;
  readonly #close: () => Promise<void>;

  constructor({ kind, pool, telemetry, slowQueryMs, close }: DatabaseDependencies) {
    this.kind = kind;
    this.pool = pool;
    this.#logger = telemetry.loggerOf('database');
    this.#slowQueryMs = slowQueryMs;
    this.#close = close;
    this.#seconds = telemetry.metrics.histogram(METRICS.databaseQuery);
    telemetry.metrics.gauge(METRICS.poolConnections, () => [
      [['total'], pool.totalCount],
      [['idle'], pool.idleCount],
      [['waiting'], pool.waitingCount],
    ]);
  }

  /** Runs one statement. `name` stands for it in logs and errors; values never do. */
  async query<Row>(name: string, text: string, values: readonly unknown[] = []): Promise<SqlResult<Row>> {
    const startMs = performance.now();
    try {
      return await this.pool.query<Row>(text, values);
    } catch (error) {
      throw new DatabaseError(name, error);
    } finally {
      const tookMs = performance.now() - startMs;
      this.#seconds.observe(tookMs / 1000);
      if (tookMs > this.#slowQueryMs)
        this.#logger.warn({ statement: name, tookMs: Math.round(tookMs) }, 'slow statement');
    }
  }

  /** Resolves when the database answers. */
  async ping(): Promise<void> {
    await this.query('ping', 'select 1');
  }

  async close(): Promise<void> {
    await this.#close();
  }
}
