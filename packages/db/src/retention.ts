import type { Database } from './database.ts';

/** Walks the index from namespace to namespace: as many steps as there are namespaces, however many messages. */
const NAMESPACES = `with recursive found(namespace) as (
  (select namespace from messages order by namespace limit 1)
  union all
  select (select m.namespace from messages m where m.namespace > f.namespace order by m.namespace limit 1)
  from found f where f.namespace is not null
) select namespace from found where namespace is not null`;

/** Namespaces that have stored messages; '' stands for `default`. */
export async function storedNamespaces(database: Database): Promise<readonly string[]> {
  const { rows } = await database.query<{ namespace: string }>('list namespaces', NAMESPACES);
  return rows.map(({ namespace }) => namespace);
}

/** Deletes at most `chunk` messages of a namespace that were published so long ago by the database's clock, and answers how many. */
export async function deleteExpired(
  database: Database,
  expired: { readonly namespace: string; readonly olderThanMs: number; readonly chunk: number },
): Promise<number> {
  const { rowCount } = await database.query(
    'delete expired messages',
    `delete from messages where (app, channel, epoch, seq) in (
       select app, channel, epoch, seq from messages
       where namespace = $1 and published_at < now() - $2::float8 * interval '1 ms'
       order by published_at limit $3 for update skip locked)`,
    [expired.namespace, expired.olderThanMs, expired.chunk],
  );
  return rowCount ?? 0;
}

/** Deletes at most `chunk` dead letters that failed so long ago by the database's clock, and answers how many. */
export async function deleteExpiredDeadLetters(
  database: Database,
  expired: { readonly olderThanMs: number; readonly chunk: number },
): Promise<number> {
  const { rowCount } = await database.query(
    'delete expired dead letters',
    `delete from dead_letters where (app, channel, epoch, seq, digest) in (
       select app, channel, epoch, seq, digest from dead_letters
       where failed_at < now() - $1::float8 * interval '1 ms' order by failed_at limit $2 for update skip locked)`,
    [expired.olderThanMs, expired.chunk],
  );
  return rowCount ?? 0;
}
