/** The tables that Drizzle knows are those that the migrations make. */
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietTelemetry } from './database.suite.ts';
import type { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { openPglite } from './open-pglite.ts';
import * as schema from './schema.ts';

const TABLES: readonly PgTable[] = [
  schema.messages,
  schema.deadLetters,
  schema.ackCursors,
  schema.scheduledMessages,
  schema.webhookDeliveries,
  schema.replayedMessages,
];

let database: Database;
beforeAll(async () => {
  ({ database } = await openPglite({ dataDir: undefined }, quietTelemetry()));
  await migrate(database);
});
afterAll(() => database.close());

const rowsOf = async <Row>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
  (await database.query<Row>('look at the schema', text, values)).rows;

describe.each(TABLES.map((table) => [getTableConfig(table).name, getTableConfig(table)] as const))(
  '%s',
  (name, config) => {
    it('has the columns', async () => {
      const rows = await rowsOf<{ name: string; type: string; nullable: string }>(
        `select column_name as name, data_type as type, is_nullable as nullable
         from information_schema.columns where table_schema = 'public' and table_name = $1`,
        [name],
      );
      const known = config.columns.map((column) => ({
        name: column.name,
        type: column.getSQLType(),
        nullable: column.notNull || column.primary ? 'NO' : 'YES',
      }));
      const generated = new Set(
        config.columns.filter((column) => column.generated !== undefined).map((column) => column.name),
      );
      const byName = (list: readonly { name: string }[]) =>
        list.filter((column) => !generated.has(column.name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
      expect(byName(known)).toEqual(byName(rows));
      expect(rows.map((column) => column.name)).toEqual(expect.arrayContaining([...generated]));
    });

    it('has the indexes', async () => {
      const rows = await rowsOf<{ name: string }>(
        `select indexname as name from pg_indexes where schemaname = 'public' and tablename = $1`,
        [name],
      );
      const names = config.indexes.map((index) => index.config.name);
      expect(rows.map((row) => row.name)).toEqual(expect.arrayContaining(names));
    });
  },
);

it('knows all tables', async () => {
  const rows = await rowsOf<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  const known = TABLES.map((table) => getTableConfig(table).name);
  expect(
    rows
      .map((row) => row.name)
      .filter((name) => !name.includes('migration'))
      .toSorted(),
  ).toEqual(known.toSorted());
});
