import { readFileSync } from 'node:fs';
import { type PostgresAddress, readPostgresAddress } from '@carillon/config';
import { RepeatedLog, type Telemetry } from '@carillon/telemetry';
import pg from 'pg';
import { Database } from './database.ts';
import { clientFor, PostgresHosts } from './postgres-hosts.ts';
import { SessionSettings } from './session-settings.ts';

export interface PostgresOptions {
  /** One server or several, PgBouncer before them, or a unix socket. */
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

/** A pool of connections; nothing is connected before the first statement. @throws TypeError when the URL is none of Postgres */
export function openPostgres(options: PostgresOptions, telemetry: Telemetry): Database {
  const address = readPostgresAddress(options.url);
  const logger = telemetry.loggerOf('database');
  if (address.encryption === 'unverified')
    logger.warn(
      'CARILLON_DATABASE_URL does not check the certificate of Postgres: anybody in between can read along',
    );
  const settings = new SessionSettings({
    statementTimeoutMs: options.statementTimeoutMs,
    given: address.options,
    user: address.user,
    logger,
  });
  const hosts = new PostgresHosts(address.hosts);
  const pool = new pg.Pool({
    Client: clientFor(hosts, settings),
    ...accessOf(address),
    onConnect: async (client) => {
      if (address.mustBeWritable) await refuseReplica(client);
      await settings.check(client);
    },
    min: options.poolMin,
    max: options.poolMax,
    connectionTimeoutMillis: options.connectTimeoutMs,
    query_timeout: options.queryTimeoutMs,
    application_name: address.applicationName ?? options.applicationName ?? 'carillon',
    keepAlive: true,
    idleTimeoutMillis: 30_000,
  } as pg.PoolConfig);
  const log = new RepeatedLog(logger);
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

function accessOf({ user, password, database, encryption, files }: PostgresAddress): pg.ClientConfig {
  const pem = Object.fromEntries(
    Object.entries(files).map(([name, path]) => [name, readFileSync(path as string, 'utf8')]),
  );
  return {
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(database !== undefined && { database }),
    // Without a word about it PGSSLMODE decides, as with every client of Postgres.
    ...(encryption === 'off' && { ssl: false }),
    ...(encryption === 'verified' && { ssl: pem }),
    ...(encryption === 'unverified' && { ssl: { ...pem, rejectUnauthorized: false } }),
  };
}

async function refuseReplica(client: pg.ClientBase & { giveUp?(): void }): Promise<void> {
  const { rows } = await client.query<{ replica: boolean }>('select pg_is_in_recovery() as replica');
  if (rows[0]?.replica !== true) return;
  client.giveUp?.();
  throw new Error('this Postgres is a replica and takes no writes: the next host is tried');
}
