import type { Position } from '@carillon/protocol';
import type { Database } from './database.ts';

/** How far a consumer of a channel has got. */
export interface StoredCursor extends Position {
  readonly app: string;
  readonly channel: string;
  readonly consumer: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/**
 * Moves cursors forward: one that is behind what is stored changes nothing. Each (app, channel, consumer) at most once, and in the order of
 * these: two workers that write the same ones would else wait for each other.
 */
export async function storeCursors(database: Database, cursors: readonly StoredCursor[]): Promise<void> {
  if (cursors.length === 0) return;
  await database.query(
    'store cursors',
    `insert into ack_cursors (app, channel, consumer, epoch, seq, at)
     select t.app, t.channel, t.consumer, t.epoch, t.seq, to_timestamp(t.at_ms / 1000)
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::float8[])
       as t(app, channel, consumer, epoch, seq, at_ms)
     on conflict (app, channel, consumer) do update set epoch = excluded.epoch, seq = excluded.seq, at = excluded.at
     where (excluded.epoch, excluded.seq) >= (ack_cursors.epoch, ack_cursors.seq)`,
    [
      cursors.map(({ app }) => app),
      cursors.map(({ channel }) => channel),
      cursors.map(({ consumer }) => consumer),
      cursors.map(({ epoch }) => epoch),
      cursors.map(({ seq }) => seq),
      cursors.map(({ atMs }) => atMs),
    ],
  );
}

/** `undefined`: the consumer is not known. */
export async function findCursor(
  database: Database,
  { app, channel, consumer }: { readonly app: string; readonly channel: string; readonly consumer: string },
): Promise<Position | undefined> {
  const { rows } = await database.query<Position>(
    'find a cursor',
    'select epoch, seq::float8 as seq from ack_cursors where app = $1 and channel = $2 and consumer = $3',
    [app, channel, consumer],
  );
  return rows[0];
}

/** Deletes at most `chunk` cursors of channels in which nothing was acknowledged for so long by the database's clock, and answers how many. */
export async function deleteExpiredCursors(
  database: Database,
  { olderThanMs, chunk }: { readonly olderThanMs: number; readonly chunk: number },
): Promise<number> {
  const { rowCount } = await database.query(
    'delete expired cursors',
    `delete from ack_cursors where (app, channel, consumer) in (
       select c.app, c.channel, c.consumer from ack_cursors c
       where c.at < now() - $1::float8 * interval '1 ms' and not exists (
         select from ack_cursors o
         where o.app = c.app and o.channel = c.channel and o.at >= now() - $1::float8 * interval '1 ms')
       limit $2 for update of c skip locked)`,
    [olderThanMs, chunk],
  );
  return rowCount ?? 0;
}
