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

/**
 * Walks the primary key from channel to channel. Of each that has more than it may, the newest message that is too many: within an epoch
 * numbers have no gaps, so it is mostly found by subtraction; over a change of epochs it is counted.
 */
const BEYOND_COUNT = `with recursive channels(app, channel) as (
  (select app, channel from messages order by app, channel limit 1)
  union all
  select next.app, next.channel from channels c cross join lateral (
    select m.app, m.channel from messages m where (m.app, m.channel) > (c.app, c.channel)
    order by m.app, m.channel limit 1
  ) next
), cuts as (
  select c.app, c.channel, cut.epoch, cut.seq from channels c
  cross join lateral (
    select m.epoch, m.seq from messages m where m.app = c.app and m.channel = c.channel
    order by m.epoch desc, m.seq desc limit 1
  ) top
  cross join lateral (
    select top.epoch, top.seq - $2::bigint as seq where top.seq > $2::bigint
    union all
    (select m.epoch, m.seq from messages m
     where top.seq <= $2::bigint and m.app = c.app and m.channel = c.channel
     order by m.epoch desc, m.seq desc offset $2::bigint limit 1)
  ) cut
  where case when strpos(c.channel, ':') > 1 then split_part(c.channel, ':', 1) else '' end = $1
)
delete from messages where (app, channel, epoch, seq) in (
  select m.app, m.channel, m.epoch, m.seq from cuts c cross join lateral (
    select * from messages m
    where m.app = c.app and m.channel = c.channel and (m.epoch, m.seq) <= (c.epoch, c.seq)
    order by m.epoch, m.seq limit $3
  ) m limit $3)`;

/** Deletes at most `chunk` messages of a namespace's channels, oldest first, that are more than a channel may have. Answers how many. */
export async function deleteBeyondCount(
  database: Database,
  beyond: { readonly namespace: string; readonly maxMessages: number; readonly chunk: number },
): Promise<number> {
  const { rowCount } = await database.query('delete messages beyond a count', BEYOND_COUNT, [
    beyond.namespace,
    beyond.maxMessages,
    beyond.chunk,
  ]);
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
