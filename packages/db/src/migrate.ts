import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Database } from './database.ts';
import { DatabaseError } from './database-error.ts';
import type { Sql } from './sql-pool.ts';

/** Any constant will do; it only has to be the same in every process. */
const LOCK_KEY = 4_821_337_001;
const TABLE = `create table if not exists carillon_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
)`;

export interface Migration {
  /** File name without `.sql`; they are applied in the order of their names. */
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** The migrations of this version. In a bundle they lie beside it, in the sources beside `src`. */
export function readMigrations(): readonly Migration[] {
  const beside = new URL('./migrations/', import.meta.url);
  const folder = existsSync(beside) ? beside : new URL('../migrations/', import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const sql = readFileSync(new URL(file, folder), 'utf8');
      return {
        name: file.slice(0, -'.sql'.length),
        sql,
        checksum: createHash('sha256').update(sql).digest('hex').slice(0, 16),
      };
    });
}

/**
 * Applies what is missing, all or nothing, and answers the names. Safe when several processes start at once: one applies,
 * the others wait for it and find nothing to do.
 *
 * @throws {DatabaseError} when a migration fails. @throws Error when a migration that was applied has been changed since.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = readMigrations(),
): Promise<readonly string[]> {
  const client = await database.pool.connect().catch((error: unknown) => {
    throw new DatabaseError('migrate', error);
  });
  let broken = true;
  try {
    // Independent of the database's default: `serializable` would refuse one of two simultaneous starts.
    await client.query('begin isolation level read committed');
    // Waiting for another starter may take longer than a statement normally may.
    await client.query(`set local statement_timeout = '300s'`);
    await client.query('select pg_advisory_xact_lock($1)', [LOCK_KEY]);
    await client.query(TABLE);
    const pending = unapplied(migrations, await appliedBy(client));
    for (const { name, sql, checksum } of pending) {
      for (const statement of statementsOf(sql)) await client.query(statement);
      await client.query('insert into carillon_migrations (name, checksum) values ($1, $2)', [
        name,
        checksum,
      ]);
    }
    await client.query('commit');
    broken = false;
    return pending.map(({ name }) => name);
  } catch (error) {
    if (error instanceof ChangedMigrationError) throw error;
    throw new DatabaseError('migrate', error);
  } finally {
    // A connection that is thrown away ends its transaction.
    client.release(broken);
  }
}

/** Names of the migrations that this version needs and the database doesn't have. */
export async function pendingMigrations(
  database: Database,
  migrations: readonly Migration[] = readMigrations(),
): Promise<readonly string[]> {
  const { rows } = await database.query<{ there: boolean }>(
    'look for migrations',
    `select to_regclass('carillon_migrations') is not null as there`,
  );
  if (rows[0]?.there !== true) return migrations.map(({ name }) => name);
  return unapplied(migrations, await appliedBy(database.pool)).map(({ name }) => name);
}

/** A migration was changed after it had been applied. */
export class ChangedMigrationError extends Error {
  readonly code = 'MIGRATION_CHANGED';
  readonly retryable = false;
  override readonly name = 'ChangedMigrationError';
}

async function appliedBy(sql: Sql): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql.query<{ name: string; checksum: string }>(
    'select name, checksum from carillon_migrations',
  );
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function unapplied(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, string>,
): readonly Migration[] {
  return migrations.filter(({ name, checksum }) => {
    const before = applied.get(name);
    if (before !== undefined && before !== checksum)
      throw new ChangedMigrationError(
        `the migration ${name} was applied as ${before}, but this version has ${checksum}`,
      );
    return before === undefined;
  });
}

/** PGlite takes one statement at a time. Migrations hold no semicolon at the end of a line but between statements. */
function statementsOf(sql: string): readonly string[] {
  return sql
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
