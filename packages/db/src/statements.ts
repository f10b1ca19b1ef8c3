import { drizzle } from 'drizzle-orm/pg-proxy';
import type { Database } from './database.ts';
import type { SqlResult } from './sql-pool.ts';

/** What Drizzle has built. */
interface Statement {
  toSQL(): { readonly sql: string; readonly params: unknown[] };
}

/** Drizzle as a builder of statements, typed by schema.ts. They are run by {@link run}, which names and measures them. */
export const statements = drizzle(() => Promise.reject(new Error('statements are run by run()')));

/** Runs a built statement. `name` stands for it in logs and errors. @throws DatabaseError */
export async function run<Row>(
  database: Database,
  name: string,
  statement: Statement,
): Promise<SqlResult<Row>> {
  const { sql, params } = statement.toSQL();
  return await database.query<Row>(name, sql, params);
}
