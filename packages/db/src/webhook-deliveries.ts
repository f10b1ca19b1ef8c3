import type { Position } from '@carillon/protocol';
import type { Database } from './database.ts';

/** A delivery as it comes in with its message. */
export interface NewDelivery extends Position {
  readonly id: string;
  readonly endpoint: string;
  readonly event: string;
  /** Of the message that it tells of. */
  readonly messageId: string;
  readonly app: string;
  readonly channel: string;
  readonly body: string;
}

/** A delivery that is to be tried now. */
export interface DueDelivery {
  readonly id: string;
  readonly event: string;
  readonly body: string;
  /** Attempts that failed before. */
  readonly attempts: number;
}

export interface ClaimDeliveries {
  readonly endpoint: string;
  readonly limit: number;
  /** Others may take them after this. */
  readonly leaseMs: number;
  /** Present: only the first delivery of each channel, and not before its predecessor is stored or this time has passed. */
  readonly orderedAfterMs?: number | undefined;
}

/** Most channels of an endpoint that are looked at in one claim. */
const MAX_HEADS = 10_000;

// Compared with now(), not clock_timestamp(): an index can't be searched for what changes while it is searched.
const CLAIM = `update webhook_deliveries set attempt_at = clock_timestamp() + $3::float8 * interval '1 ms'
where id in (
  select id from webhook_deliveries
  where endpoint = $1 and state = 'pending' and attempt_at <= now()
  order by attempt_at limit $2 for update skip locked)
returning id, event, body, attempts`;

/** Goes from channel to channel by the index. Who comes second to a row finds it taken: its time is checked again. */
const CLAIM_IN_ORDER = `with recursive channels as (
  (select app, channel from webhook_deliveries where endpoint = $1 and state = 'pending' order by app, channel limit 1)
  union all
  select n.app, n.channel from channels c, lateral (
    select app, channel from webhook_deliveries
    where endpoint = $1 and state = 'pending' and (app, channel) > (c.app, c.channel)
    order by app, channel limit 1) n
), due as (
  select d.id from (select * from channels limit ${MAX_HEADS}) c, lateral (
    select * from webhook_deliveries h
    where h.endpoint = $1 and h.state = 'pending' and h.app = c.app and h.channel = c.channel
    order by epoch, seq limit 1) d
  where d.attempt_at <= now() and (
    d.seq = 1 or d.queued_at < now() - $4::float8 * interval '1 ms'
    or exists (select from messages m
      where m.app = d.app and m.channel = d.channel and m.epoch = d.epoch and m.seq = d.seq - 1)
    or exists (select from dead_letters l
      where l.app = d.app and l.channel = d.channel and l.epoch = d.epoch and l.seq = d.seq - 1))
  limit $2
)
update webhook_deliveries set attempt_at = clock_timestamp() + $3::float8 * interval '1 ms'
where id in (select id from due) and state = 'pending' and attempt_at <= now()
returning id, event, body, attempts`;

/** Takes deliveries of an endpoint that are due. */
export async function claimDeliveries(
  database: Database,
  { endpoint, limit, leaseMs, orderedAfterMs }: ClaimDeliveries,
): Promise<readonly DueDelivery[]> {
  const { rows } =
    orderedAfterMs === undefined
      ? await database.query<DueDelivery>('claim deliveries', CLAIM, [endpoint, limit, leaseMs])
      : await database.query<DueDelivery>('claim deliveries in order', CLAIM_IN_ORDER, [
          endpoint,
          limit,
          leaseMs,
          orderedAfterMs,
        ]);
  return rows;
}

/** Delivered: nothing is left to do. */
export async function removeDelivery(database: Database, id: string): Promise<void> {
  await database.query('remove a delivery', 'delete from webhook_deliveries where id = $1', [id]);
}

/** Counts a failed attempt; without `retryInMs` it was the last. */
export async function failDelivery(
  database: Database,
  failed: { readonly id: string; readonly reason: string; readonly retryInMs: number | undefined },
): Promise<void> {
  await database.query(
    'fail a delivery',
    `update webhook_deliveries set attempts = attempts + 1, reason = $2,
       attempt_at = clock_timestamp() + coalesce($3::float8, 0) * interval '1 ms',
       state = case when $3::float8 is null then 'dead' else 'pending' end,
       dead_at = case when $3::float8 is null then clock_timestamp() end
     where id = $1 and state = 'pending'`,
    [failed.id, failed.reason.replaceAll('\0', '\u{fffd}'), failed.retryInMs ?? null],
  );
}

/** Gives back what was taken: others may try it at once. */
export async function releaseDelivery(database: Database, id: string): Promise<void> {
  await database.query(
    'release a delivery',
    `update webhook_deliveries set attempt_at = clock_timestamp() where id = $1 and state = 'pending'`,
    [id],
  );
}

/** Makes dead what waited longer than `maxAgeMs`; of one endpoint, or of all. Answers how many; at most 1000. */
export async function expireDeliveries(
  database: Database,
  { endpoint, maxAgeMs, reason }: { endpoint?: string; maxAgeMs: number; reason: string },
): Promise<number> {
  const { rowCount } = await database.query(
    'expire deliveries',
    `update webhook_deliveries set state = 'dead', dead_at = clock_timestamp(), reason = concat_ws('; ', $3::text, reason)
     where id in (
       select id from webhook_deliveries
       where ($1::text is null or endpoint = $1) and state = 'pending' and attempt_at <= now()
         and queued_at < now() - $2::float8 * interval '1 ms'
       limit 1000 for update skip locked)`,
    [endpoint ?? null, maxAgeMs, reason],
  );
  return rowCount ?? 0;
}

/** Makes dead the oldest of an endpoint's deliveries beyond `maxPending`. Answers how many; at most 1000. */
export async function dropOverflow(
  database: Database,
  { endpoint, maxPending, reason }: { endpoint: string; maxPending: number; reason: string },
): Promise<number> {
  const { rowCount } = await database.query(
    'drop what is too much',
    `update webhook_deliveries set state = 'dead', dead_at = clock_timestamp(), reason = concat_ws('; ', $3::text, reason)
     where id in (
       select id from webhook_deliveries where endpoint = $1 and state = 'pending'
       order by queued_at
       limit least(1000, greatest(0, (
         select count(*) from webhook_deliveries where endpoint = $1 and state = 'pending') - $2::bigint))
       for update skip locked)`,
    [endpoint, maxPending, reason],
  );
  return rowCount ?? 0;
}

/** Deletes at most `chunk` that died so long ago by the database's clock, and answers how many. */
export async function deleteDeadDeliveries(
  database: Database,
  { olderThanMs, chunk }: { readonly olderThanMs: number; readonly chunk: number },
): Promise<number> {
  const { rowCount } = await database.query(
    'delete dead deliveries',
    `delete from webhook_deliveries where id in (
       select id from webhook_deliveries where state = 'dead' and dead_at < now() - $1::float8 * interval '1 ms'
       order by dead_at limit $2 for update skip locked)`,
    [olderThanMs, chunk],
  );
  return rowCount ?? 0;
}
