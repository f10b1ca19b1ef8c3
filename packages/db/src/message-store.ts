import type { Position } from '@carillon/protocol';
import type { Database } from './database.ts';
import type { NewDelivery } from './webhook-deliveries.ts';

/** Drizzle takes a fifth of the start of a process, and these two statements are seldom needed. */
const builtStatements = () => import('./drizzle-queries.ts');

/** A message as it is stored. */
export interface StoredMessage extends Position {
  readonly app: string;
  /** Without the app. */
  readonly channel: string;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly publishedAtMs: number;
  /** The record's header: one line of JSON. */
  readonly header: string;
  readonly payload: string;
}

/** A message that Postgres refused. */
export interface DeadLetter extends Position {
  readonly app: string;
  readonly channel: string;
  readonly record: string;
  readonly reason: string;
}

/** Where a message lies. */
export interface MessagePlace extends Position {
  readonly app: string;
  readonly channel: string;
}

/** Why a message is a dead letter whose position holds another one: positions were given twice. */
export const POSITION_TAKEN = 'another message has this position';

const INSERT = `insert into messages (app, channel, epoch, seq, id, published_at, header, payload)
select t.app, t.channel, t.epoch, t.seq, t.id, to_timestamp(t.published_ms / 1000), t.header, t.payload
from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::float8[], $7::text[], $8::text[])
  as t(app, channel, epoch, seq, id, published_ms, header, payload)
on conflict do nothing`;

/** The deliveries of what was inserted: of two messages with one position, those of the one that has it. */
const INSERT_WITH_DELIVERIES = `with inserted as (
${INSERT}
returning app, channel, epoch, seq, id
), queued as (
  insert into webhook_deliveries (app, channel, epoch, seq, id, endpoint, event, body)
  select d.app, d.channel, d.epoch, d.seq, d.id, d.endpoint, d.event, d.body
  from unnest($9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[])
    as d(app, channel, epoch, seq, id, endpoint, event, body, message_id)
  join inserted i on (i.app, i.channel, i.epoch, i.seq, i.id) = (d.app, d.channel, d.epoch, d.seq, d.message_id)
  on conflict do nothing
)
select count(*)::int as n from inserted`;

/**
 * Inserts a batch in one statement and answers how many were new. A position that has a message is left as it is, whether that is the same
 * message or another one: see {@link idsStoredAt}.
 * Deliveries to webhooks are queued with the new ones, all or nothing: exactly once for each message.
 *
 * @throws {DatabaseError} and nothing is stored; `kind` says whether the data was refused.
 */
export async function insertMessages(
  database: Database,
  batch: readonly StoredMessage[],
  deliveries: readonly NewDelivery[] = [],
): Promise<number> {
  if (batch.length === 0) return 0;
  const columns = columnsOf(batch);
  if (deliveries.length === 0)
    return (await database.query('insert messages', INSERT, columns)).rowCount ?? 0;
  const { rows } = await database.query<{ n: number }>(
    'insert messages and deliveries',
    INSERT_WITH_DELIVERIES,
    [
      ...columns,
      deliveries.map(({ app }) => app),
      deliveries.map(({ channel }) => channel),
      deliveries.map(({ epoch }) => epoch),
      deliveries.map(({ seq }) => seq),
      deliveries.map(({ id }) => id),
      deliveries.map(({ endpoint }) => endpoint),
      deliveries.map(({ event }) => event),
      deliveries.map(({ body }) => body),
      deliveries.map(({ messageId }) => messageId),
    ],
  );
  return rows[0]!.n;
}

function columnsOf(batch: readonly StoredMessage[]): readonly unknown[] {
  return [
    batch.map((message) => message.app),
    batch.map((message) => message.channel),
    batch.map((message) => message.epoch),
    batch.map((message) => message.seq),
    batch.map((message) => message.id),
    batch.map((message) => message.publishedAtMs),
    batch.map((message) => message.header),
    batch.map((message) => message.payload),
  ];
}

/** NUL is the one character that text can't hold in Postgres. */
const storable = (text: string): string => text.replaceAll('\0', '\u{fffd}');

/** Keeps what can't be stored as a message; the record as bytes. `false`: it was there already. */
export async function insertDeadLetter(database: Database, letter: DeadLetter): Promise<boolean> {
  const row = {
    app: storable(letter.app),
    channel: storable(letter.channel),
    epoch: storable(letter.epoch),
    seq: letter.seq,
    record: Buffer.from(letter.record, 'utf8'),
    reason: storable(letter.reason),
  };
  return await (await builtStatements()).insertIntoDeadLetters(database, row);
}

/** Ids of the messages that are stored at these places, in the same order; `undefined`: none is. */
export async function idsStoredAt(
  database: Database,
  places: readonly MessagePlace[],
): Promise<readonly (string | undefined)[]> {
  if (places.length === 0) return [];
  const { rows } = await database.query<{ n: number; id: string }>(
    'look for messages',
    `select t.n::int as n, m.id
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) with ordinality as t(app, channel, epoch, seq, n)
     join messages m using (app, channel, epoch, seq)`,
    [
      places.map((place) => place.app),
      places.map((place) => place.channel),
      places.map((place) => place.epoch),
      places.map((place) => place.seq),
    ],
  );
  const found = new Map(rows.map(({ n, id }) => [n - 1, id]));
  return places.map((_, i) => found.get(i));
}

/** Is a message of this id stored? */
export async function messageExists(database: Database, app: string, id: string): Promise<boolean> {
  return await (await builtStatements()).isMessageId(database, app, id);
}
