import type { Telemetry } from '@carillon/telemetry';
import pg from 'pg';
import { Database } from './database.ts';
import { PgliteConnections } from './pglite-connections.ts';
import { copyPgliteTemplate } from './pglite-template.ts';

/** More than one, because a worker of jobs keeps one to listen; all are served in turn. */
const CONNECTIONS = 8;

export interface PgliteOptions {
  /** A folder, made when it isn't there; `undefined`: in memory. */
  readonly dataDir: string | undefined;
  readonly slowQueryMs?: number;
}

export interface PgliteDatabase {
  readonly database: Database;
  /** Settings of a `pg` pool or client that reaches the same PGlite. */
  readonly connection: { readonly stream: () => never; readonly user: string; readonly database: string };
}

/** Postgres inside this process, for one process at a time. Loaded only when it is used. */
export async function openPglite(options: PgliteOptions, telemetry: Telemetry): Promise<PgliteDatabase> {
  const [{ PGlite }] = await Promise.all([
    import('@electric-sql/pglite'),
    options.dataDir === undefined ? undefined : copyPgliteTemplate(options.dataDir),
  ]);
  const pglite = await PGlite.create(options.dataDir ?? 'memory://');
  const connections = new PgliteConnections(pglite);
  const connection = {
    // pg takes what behaves like a socket, but declares a socket.
    stream: connections.connect as unknown as () => never,
    user: 'postgres',
    database: 'postgres',
  };
  const pool = new pg.Pool({ ...connection, max: CONNECTIONS, idleTimeoutMillis: 0 });
  const logger = telemetry.loggerOf('database');
  pool.on('error', (error) => logger.warn({ err: error }, 'a connection to PGlite was lost'));
  const database = new Database({
    kind: 'pglite',
    pool: pool as unknown as Database['pool'],
    telemetry,
    slowQueryMs: options.slowQueryMs ?? 1000,
    close: async () => {
      await pool.end();
      await pglite.close();
    },
  });
  return { database, connection };
}
