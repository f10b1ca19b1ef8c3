import { and, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/pg-proxy';
import type { Database } from './database.ts';
import { deadLetters, messages } from './schema.ts';
import type { SqlResult } from './sql-pool.ts';

/** A query built by Drizzle. */
interface Statement {
  toSQL(): { readonly sql: string; readonly params: unknown[] };
}

/** Drizzle as a builder of statements, typed by schema.ts. They are run by {@link run}, which names and measures them. */
const statements = drizzle(() => Promise.reject(new Error('statements are run by run()')));

/** Runs a built statement. `name` stands for it in logs and errors. @throws DatabaseError */
async function run<Row>(database: Database, name: string, statement: Statement): Promise<SqlResult<Row>> {
  const { sql, params } = statement.toSQL();
  return await database.query<Row>(name, sql, params);
}

export async function insertIntoDeadLetters(
  database: Database,
  row: typeof deadLetters.$inferInsert,
): Promise<boolean> {
  const insert = statements.insert(deadLetters).values(row).onConflictDoNothing();
  return ((await run(database, 'insert dead letter', insert)).rowCount ?? 0) > 0;
}

export async function isMessageId(database: Database, app: string, id: string): Promise<boolean> {
  const found = statements
    .select({ seq: messages.seq })
    .from(messages)
    .where(and(eq(messages.app, app), eq(messages.id, id)))
    .limit(1);
  const { rows } = await run(database, 'look for a message id', found);
  return rows.length > 0;
}
