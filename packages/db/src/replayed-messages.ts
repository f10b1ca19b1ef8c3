import type { Database } from './database.ts';
import type { StoredMessage } from './message-store.ts';
import type { NewDelivery } from './webhook-deliveries.ts';

/** The letter goes when its message is stored, now or before; it stays when another message has the position. */
const STORE = `with letter as (
  select app, channel, epoch, seq, digest from dead_letters
  where app = $1 and channel = $2 and epoch = $3 and seq = $4 and digest = encode(sha256($9), 'hex') for update
), stored as (
  insert into messages (app, channel, epoch, seq, id, published_at, header, payload)
  select app, channel, epoch, seq, $5, to_timestamp($6::float8 / 1000), $7, $8 from letter
  on conflict do nothing
  returning app, channel, epoch, seq
), taken as (
  delete from dead_letters d using letter l
  where (d.app, d.channel, d.epoch, d.seq, d.digest) = (l.app, l.channel, l.epoch, l.seq, l.digest) and (
    exists (select from stored)
    or exists (select from messages m where (m.app, m.channel, m.epoch, m.seq, m.id) = (l.app, l.channel, l.epoch, l.seq, $5)))
  returning d.seq
), announced as (
  insert into replayed_messages (app, channel, epoch, seq) select app, channel, epoch, seq from stored
  on conflict do nothing
)
select (select count(*) from letter)::int as letters, (select count(*) from taken)::int as taken`;

/**
 * Stores a message in place of its dead letter, and remembers that webhooks are to be told. `gone`: there was no such dead letter any
 * more; `taken`: another message has the position. @throws DatabaseError and nothing has changed.
 */
export async function storeReplayed(
  database: Database,
  message: StoredMessage,
  record: string,
): Promise<'stored' | 'gone' | 'taken'> {
  const { app, channel, epoch, seq, id, publishedAtMs, header, payload } = message;
  const { rows } = await database.query<{ letters: number; taken: number }>(
    'store a replayed message',
    STORE,
    [app, channel, epoch, seq, id, publishedAtMs, header, payload, Buffer.from(record, 'utf8')],
  );
  const { letters, taken } = rows[0]!;
  if (letters === 0) return 'gone';
  return taken > 0 ? 'stored' : 'taken';
}

/** Messages whose replay webhooks have not been told of, at most `limit`. Several workers may get the same ones. */
export async function readReplayed(database: Database, limit: number): Promise<readonly StoredMessage[]> {
  const { rows } = await database.query<StoredMessage>(
    'read replayed messages',
    `select m.app, m.channel, m.epoch, m.seq::float8 as seq, m.id, m.header, m.payload,
       (extract(epoch from m.published_at) * 1000)::float8 as "publishedAtMs"
     from replayed_messages r join messages m using (app, channel, epoch, seq) limit $1`,
    [limit],
  );
  return rows;
}

/** Queues what is to be told of these messages, unless another worker has. */
export async function announceReplayed(
  database: Database,
  messages: readonly StoredMessage[],
  deliveries: readonly NewDelivery[],
): Promise<void> {
  await database.query(
    'announce replayed messages',
    `with announced as (
       delete from replayed_messages r
       using unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as t(app, channel, epoch, seq)
       where r.app = t.app and r.channel = t.channel and r.epoch = t.epoch and r.seq = t.seq
       returning r.app, r.channel, r.epoch, r.seq
     )
     insert into webhook_deliveries (app, channel, epoch, seq, id, endpoint, event, body)
     select d.* from unnest($5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[])
       as d(app, channel, epoch, seq, id, endpoint, event, body)
     join announced using (app, channel, epoch, seq)
     on conflict do nothing`,
    [
      messages.map(({ app }) => app),
      messages.map(({ channel }) => channel),
      messages.map(({ epoch }) => epoch),
      messages.map(({ seq }) => seq),
      deliveries.map(({ app }) => app),
      deliveries.map(({ channel }) => channel),
      deliveries.map(({ epoch }) => epoch),
      deliveries.map(({ seq }) => seq),
      deliveries.map(({ id }) => id),
      deliveries.map(({ endpoint }) => endpoint),
      deliveries.map(({ event }) => event),
      deliveries.map(({ body }) => body),
    ],
  );
}
