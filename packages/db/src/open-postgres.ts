import { RepeatedLog, type Telemetry } from '@carillon/telemetry';
import pg from 'pg';
import { Database } from './database.ts';

export interface PostgresOptions {
  readonly url: string;
  /** Connections kept open while idle. */
  readonly poolMin: number;
  readonly poolMax: number;
  readonly connectTimeoutMs: number;
  /** The server ends a statement that runs longer. */
  readonly statementTimeoutMs: number;
  /** The client gives a statement up after this: above `statementTimeoutMs`, whose error is the better one. */
  readonly queryTimeoutMs: number;
  readonly slowQueryMs: number;
  /** Name of the connections in pg_stat_activity. Default `carillon`. */
  readonly applicationName?: string;
}

/** A pool of connections; nothing is connected before the first statement. */
export function openPostgres(options: PostgresOptions, telemetry: Telemetry): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    min: options.poolMin,
    max: options.poolMax,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    query_timeout: options.queryTimeoutMs,
    application_name: options.applicationName ?? 'carillon',
    keepAlive: true,
    idleTimeoutMillis: 30_000,
  });
  const log = new RepeatedLog(telemetry.loggerOf('database'));
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle connection to Postgres was lost'));
  return new Database({
    kind: 'postgres',
    // pg declares mutable parameters, but doesn't write to them.
    pool: pool as unknown as Database['pool'],
    telemetry,
    slowQueryMs: options.slowQueryMs,
    close: () => pool.end(),
  });
}
