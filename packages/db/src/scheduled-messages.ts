import type { Position } from '@carillon/protocol';
import type { Database } from './database.ts';

export type ScheduleState = 'pending' | 'publishing' | 'published' | 'cancelled' | 'failed';

/** A scheduled message without its payload. */
export interface ScheduleRow {
  readonly id: string;
  readonly app: string;
  readonly channel: string;
  readonly event: string | null;
  readonly owner: string;
  readonly state: ScheduleState;
  /** Milliseconds since 1970, as all times here. */
  readonly deliverAtMs: number;
  readonly createdAtMs: number;
  readonly finishedAtMs: number | null;
  readonly epoch: string | null;
  readonly seq: number | null;
  readonly error: string | null;
  readonly requestHash: string;
}

/** A scheduled message that is to be published now. */
export interface DueMessage {
  readonly id: string;
  readonly app: string;
  readonly channel: string;
  readonly owner: string;
  readonly event: string | null;
  readonly trace: string | null;
  readonly payload: string;
  /** 1 at the first try. */
  readonly attempts: number;
  /** How long it has been due, by the clock of the database. */
  readonly lateMs: number;
}

export interface NewSchedule {
  readonly id: string;
  readonly app: string;
  readonly channel: string;
  readonly owner: string;
  readonly idempotencyKey: string | undefined;
  readonly requestHash: string;
  readonly event: string | undefined;
  readonly trace: string | undefined;
  readonly payload: string;
  /** One of the two. Times are compared with the database's clock alone. */
  readonly deliverAtMs: number | undefined;
  readonly delayMs: number | undefined;
}

export interface ScheduleLimits {
  /** Further ahead is refused. */
  readonly maxAheadMs: number;
  /** Most that wait per app. */
  readonly maxPerApp: number;
}

export type AddedSchedule =
  | { readonly outcome: 'added' | 'repeated'; readonly row: ScheduleRow }
  | { readonly outcome: 'past' | 'too-far' | 'full' };

const MS = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;
const ROW = `id, app, channel, event, owner, state, ${MS('deliver_at')} as "deliverAtMs", ${MS('created_at')} as "createdAtMs",
  ${MS('finished_at')} as "finishedAtMs", epoch, seq::float8 as seq, error, request_hash as "requestHash"`;

const ADD = `with given as (
  select date_trunc('milliseconds',
    coalesce(to_timestamp($9::float8 / 1000), clock_timestamp() + $10::float8 * interval '1 ms')) as at
), known as (
  select id from scheduled_messages where id = $1 or (app = $2 and owner = $4 and idempotency_key = $5)
), checked as (
  select at, case
    when exists (select from known) then 'repeated'
    when at < clock_timestamp() - interval '1 ms' and $9::float8 is not null then 'past'
    when at > clock_timestamp() + $11::float8 * interval '1 ms' then 'too-far'
    when (select count(*) from scheduled_messages where app = $2 and state in ('pending', 'publishing')) >= $12 then 'full'
    else 'added' end as outcome
  from given
), added as (
  insert into scheduled_messages (id, app, channel, owner, idempotency_key, request_hash, event, trace, payload, deliver_at, attempt_at)
  select $1, $2, $3, $4, $5, $6, $7, $13, $8, at, at from checked where outcome = 'added'
  on conflict do nothing
)
select outcome from checked`;

/** Adds a message, unless its id or Idempotency-Key is known: then the row of the first request is answered. */
export async function addSchedule(
  database: Database,
  schedule: NewSchedule,
  limits: ScheduleLimits,
): Promise<AddedSchedule> {
  const { rows } = await database.query<{ outcome: AddedSchedule['outcome'] }>('add a schedule', ADD, [
    schedule.id,
    schedule.app,
    schedule.channel,
    schedule.owner,
    schedule.idempotencyKey ?? null,
    schedule.requestHash,
    schedule.event ?? null,
    schedule.payload,
    schedule.deliverAtMs ?? null,
    schedule.delayMs ?? null,
    limits.maxAheadMs,
    limits.maxPerApp,
    schedule.trace ?? null,
  ]);
  const { outcome } = rows[0]!;
  if (outcome !== 'added' && outcome !== 'repeated') return { outcome };
  const row = await findAdded(database, schedule);
  // Of two requests with one key at the same moment, the one that came second has 'added' without having added.
  return { outcome: row.id === schedule.id ? outcome : 'repeated', row };
}

async function findAdded(database: Database, { id, app, owner, idempotencyKey }: NewSchedule) {
  const { rows } = await database.query<ScheduleRow>(
    'read an added schedule',
    `select ${ROW} from scheduled_messages where id = $1 or (app = $2 and owner = $3 and idempotency_key = $4) limit 1`,
    [id, app, owner, idempotencyKey ?? null],
  );
  return rows[0]!;
}

export async function findSchedule(
  database: Database,
  app: string,
  id: string,
): Promise<ScheduleRow | undefined> {
  const { rows } = await database.query<ScheduleRow>(
    'read a schedule',
    `select ${ROW} from scheduled_messages where app = $1 and id = $2`,
    [app, id],
  );
  return rows[0];
}

export interface ScheduleQuery {
  readonly app: string;
  readonly channel?: string | undefined;
  /** Only those on channels of these capability patterns. Default: all. */
  readonly allowed?: readonly string[] | undefined;
  readonly state?: ScheduleState | undefined;
  /** Rows after this one. */
  readonly after?: { readonly deliverAtMs: number; readonly id: string } | undefined;
  readonly limit: number;
}

/** In the order in which they are due. */
export async function listSchedules(
  database: Database,
  query: ScheduleQuery,
): Promise<readonly ScheduleRow[]> {
  const { rows } = await database.query<ScheduleRow>(
    'list schedules',
    `select ${ROW} from scheduled_messages
     where app = $1 and ($2::text is null or channel = $2) and ($3::text is null or state = $3)
       and ($4::float8 is null or (deliver_at, id) > (to_timestamp($4::float8 / 1000), $5::text))
       and ($7::text[] is null or exists (
         select from unnest($7::text[]) pattern
         where channel like pattern and (left(pattern, 1) = '#' or left(channel, 1) <> '#')))
     order by deliver_at, id limit $6`,
    [
      query.app,
      query.channel ?? null,
      query.state ?? null,
      query.after?.deliverAtMs ?? null,
      query.after?.id ?? null,
      query.limit,
      query.allowed?.map(likePattern) ?? null,
    ],
  );
  return rows;
}

/** A capability pattern for `like`: `*` is any run of characters, all else stands for itself. */
function likePattern(pattern: string): string {
  return pattern.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll('*', '%');
}

/** Cancels a message that nobody has begun to publish. `undefined`: there is none; look at the state of what is answered. */
export async function cancelSchedule(
  database: Database,
  app: string,
  id: string,
): Promise<ScheduleRow | undefined> {
  await database.query(
    'cancel a schedule',
    `update scheduled_messages set state = 'cancelled', finished_at = clock_timestamp()
     where app = $1 and id = $2 and state = 'pending' and attempts = 0`,
    [app, id],
  );
  return await findSchedule(database, app, id);
}

/** Takes what is due, in order; others may take it again after `leaseMs`. */
export async function claimDueSchedules(
  database: Database,
  { limit, leaseMs }: { readonly limit: number; readonly leaseMs: number },
): Promise<readonly DueMessage[]> {
  const { rows } = await database.query<DueMessage & { readonly at: number }>(
    'claim due schedules',
    `update scheduled_messages set state = 'publishing', attempts = attempts + 1,
       attempt_at = clock_timestamp() + $2::float8 * interval '1 ms'
     where id in (
       select id from scheduled_messages
       where state in ('pending', 'publishing') and attempt_at <= now()
       order by attempt_at, id limit $1 for update skip locked)
     returning id, app, channel, owner, event, trace, payload, attempts, ${MS('deliver_at')} as at,
       ${MS('clock_timestamp()')} - ${MS('deliver_at')} as "lateMs"`,
    [limit, leaseMs],
  );
  return rows.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

export type ScheduleResult =
  | ({ readonly id: string; readonly result: 'published' } & Position)
  | { readonly id: string; readonly result: 'failed'; readonly error: string }
  | {
      readonly id: string;
      readonly result: 'retry';
      readonly error: string;
      /** From now. */
      readonly delayMs: number;
    };

const FINISH = `update scheduled_messages s set
  state = case r.result when 'retry' then 'publishing' else r.result end,
  epoch = coalesce(r.epoch, s.epoch), seq = coalesce(r.seq, s.seq), error = r.error,
  attempt_at = case r.result when 'retry' then clock_timestamp() + r.delay_ms * interval '1 ms' else s.attempt_at end,
  finished_at = case r.result when 'retry' then null else clock_timestamp() end
from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::float8[])
  as r(id, result, epoch, seq, error, delay_ms)
where s.id = r.id and s.state = 'publishing'`;

/** Writes what became of claimed messages. Idempotent. */
export async function finishSchedules(database: Database, results: readonly ScheduleResult[]): Promise<void> {
  if (results.length === 0) return;
  await database.query('finish schedules', FINISH, [
    results.map(({ id }) => id),
    results.map(({ result }) => result),
    results.map((result) => (result.result === 'published' ? result.epoch : null)),
    results.map((result) => (result.result === 'published' ? result.seq : null)),
    results.map((result) => (result.result === 'published' ? null : result.error)),
    results.map((result) => (result.result === 'retry' ? result.delayMs : 0)),
  ]);
}

/** Milliseconds until the next message is due (0 when one is), `undefined` when none waits. */
export async function nextDueInMs(database: Database): Promise<number | undefined> {
  const { rows } = await database.query<{ ms: number | null }>(
    'look for the next schedule',
    `select ${MS('(min(attempt_at) - clock_timestamp())')} as ms from scheduled_messages where state in ('pending', 'publishing')`,
  );
  const ms = rows[0]?.ms;
  return ms === null || ms === undefined ? undefined : Math.max(0, ms);
}

/** Where a stored message lies; `undefined` when it isn't stored. */
export async function findMessagePosition(
  database: Database,
  app: string,
  channel: string,
  id: string,
): Promise<Position | undefined> {
  const { rows } = await database.query<Position>(
    'look for a message',
    'select epoch, seq::float8 as seq from messages where app = $1 and id = $2 and channel = $3 limit 1',
    [app, id, channel],
  );
  return rows[0];
}

/** Deletes at most `chunk` that were finished so long ago by the database's clock, and answers how many. */
export async function deleteFinishedSchedules(
  database: Database,
  { olderThanMs, chunk }: { readonly olderThanMs: number; readonly chunk: number },
): Promise<number> {
  const { rowCount } = await database.query(
    'delete finished schedules',
    `delete from scheduled_messages where id in (
       select id from scheduled_messages where finished_at < now() - $1::float8 * interval '1 ms'
       order by finished_at limit $2 for update skip locked)`,
    [olderThanMs, chunk],
  );
  return rowCount ?? 0;
}
