import pg from 'pg';

/** Ends the fault. */
export type Heal = () => Promise<void>;

async function run(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statements).finally(() => client.end());
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A trigger before every insert into `table` that runs `body` (PL/pgSQL). */
async function beforeInsert(url: string, table: string, name: string, body: string): Promise<Heal> {
  const [on, fault] = [quoted(table), quoted(`fault_${name}_${table}`)];
  await run(
    url,
    `create or replace function ${fault}() returns trigger language plpgsql as $fault$ begin ${body} return new; end $fault$;
     create or replace trigger ${fault} before insert on ${on} for each statement execute function ${fault}()`,
  );
  return () => run(url, `drop trigger if exists ${fault} on ${on}; drop function if exists ${fault}()`);
}

/** Every insert into `table` fails, by default as on a full disk (SQLSTATE 53100), until it is healed. */
export function refuseInserts(url: string, table: string, sqlState = '53100'): Promise<Heal> {
  return beforeInsert(
    url,
    table,
    'full',
    `raise exception 'inserts are refused' using errcode = '${sqlState}';`,
  );
}

/** Every insert statement into `table` takes `byMs` longer, until it is healed. */
export function slowInserts(url: string, table: string, byMs: number): Promise<Heal> {
  return beforeInsert(url, table, 'slow', `perform pg_sleep(${byMs / 1000});`);
}
