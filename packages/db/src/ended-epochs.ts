/** Stored messages of ended epochs: for the comparison with a broker that was restarted. */
import type { Position } from '@carillon/protocol';
import type { Database } from './database.ts';
import type { MessagePlace } from './message-store.ts';
import { storedNamespaces } from './retention.ts';

/** An epoch of a channel with messages that were published lately. */
export interface RecentEpoch {
  readonly app: string;
  readonly channel: string;
  readonly epoch: string;
  /** Of the messages that were published lately. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface TailMessage {
  readonly seq: number;
  readonly id: string;
  /** Header and payload. */
  readonly record: string;
}

/** A message that has another position now. */
export interface Move extends MessagePlace {
  readonly id: string;
  readonly former: Position;
}

const RECENT = `select app, channel, epoch, min(seq)::float8 as "firstSeq", max(seq)::float8 as "lastSeq"
from messages where namespace = $1 and published_at >= to_timestamp($2::float8 / 1000) group by app, channel, epoch`;

/** Epochs with messages that were published since `sinceMs`, in milliseconds since 1970. Sorted by channel and epoch. */
export async function recentEpochs(database: Database, sinceMs: number): Promise<readonly RecentEpoch[]> {
  const all: RecentEpoch[] = [];
  // Namespace by namespace: that is how the index is sorted.
  for (const namespace of await storedNamespaces(database)) {
    const { rows } = await database.query<RecentEpoch>('list recent epochs', RECENT, [namespace, sinceMs]);
    all.push(...rows);
  }
  const keyOf = ({ app, channel, epoch }: RecentEpoch): string => `${app}/${channel} ${epoch}`;
  return all.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Messages of an epoch after `seq`, ascending, at most `limit`. */
export function readTail(
  database: Database,
  place: MessagePlace,
  limit: number,
): Promise<readonly TailMessage[]> {
  const columns = `seq::float8 as seq, id, header || E'\\n' || payload as record`;
  return tailOf<TailMessage>(database, 'read the tail of an epoch', columns, place, limit);
}

/** As {@link readTail}, without what is in them. */
export function readTailIds(
  database: Database,
  place: MessagePlace,
  limit: number,
): Promise<readonly Omit<TailMessage, 'record'>[]> {
  return tailOf(database, 'read the ids of the tail of an epoch', 'seq::float8 as seq, id', place, limit);
}

async function tailOf<Row>(
  database: Database,
  name: string,
  columns: string,
  { app, channel, epoch, seq }: MessagePlace,
  limit: number,
): Promise<readonly Row[]> {
  const { rows } = await database.query<Row>(
    name,
    `select ${columns} from messages
     where app = $1 and channel = $2 and epoch = $3 and seq > $4 order by seq limit $5`,
    [app, channel, epoch, seq, limit],
  );
  return rows;
}

/** The given ids that the app has messages of. */
export async function storedIds(
  database: Database,
  app: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await database.query<{ id: string }>(
    'look for message ids',
    'select id from messages where app = $1 and id = any($2::text[])',
    [app, ids],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Gives stored messages their present positions, where they are still at their former ones: `true` in the same place of the answer. */
export async function moveMessages(database: Database, moves: readonly Move[]): Promise<readonly boolean[]> {
  if (moves.length === 0) return [];
  const { rows } = await database.query<{ n: number }>(
    'move messages',
    `update messages m set epoch = t.epoch, seq = t.seq
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])
       with ordinality as t(app, channel, former_epoch, former_seq, id, epoch, seq, n)
     where (m.app, m.channel, m.epoch, m.seq, m.id) = (t.app, t.channel, t.former_epoch, t.former_seq, t.id)
       and not exists (select from messages o where (o.app, o.channel, o.epoch, o.seq) = (t.app, t.channel, t.epoch, t.seq))
     returning t.n::int as n`,
    [
      moves.map(({ app }) => app),
      moves.map(({ channel }) => channel),
      moves.map(({ former }) => former.epoch),
      moves.map(({ former }) => former.seq),
      moves.map(({ id }) => id),
      moves.map(({ epoch }) => epoch),
      moves.map(({ seq }) => seq),
    ],
  );
  const moved = new Set(rows.map(({ n }) => n - 1));
  return moves.map((_, i) => moved.has(i));
}

/** Deletes those of an epoch's messages after `seq` that are stored at a later position of the channel as well, and answers how many. */
export async function deleteMoved(
  database: Database,
  { app, channel, epoch, seq }: MessagePlace,
): Promise<number> {
  const { rowCount } = await database.query(
    'delete moved messages',
    `delete from messages m where m.app = $1 and m.channel = $2 and m.epoch = $3 and m.seq > $4
     and exists (select from messages o where o.app = m.app and o.id = m.id and o.channel = m.channel and o.epoch > m.epoch)`,
    [app, channel, epoch, seq],
  );
  return rowCount ?? 0;
}
