import { decodeRecord } from '@carillon/protocol';
import type { Database } from './database.ts';
import { DatabaseError } from './database-error.ts';
import { type MessagePlace, POSITION_TAKEN, type StoredMessage } from './message-store.ts';
import { storeReplayed } from './replayed-messages.ts';

export type DeadLetterKind = 'message' | 'webhook';

/** A message that could not be stored, or a delivery that failed for good. */
export interface DeadLetterRow {
  /** `m:<epoch>:<seq>:<digest>:<app>/<channel>` of a message, else the id of the delivery. */
  readonly id: string;
  readonly kind: DeadLetterKind;
  readonly app: string;
  readonly channel: string;
  readonly epoch: string;
  readonly seq: number;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly failedAtMs: number;
  /** Of webhooks. */
  readonly endpoint: string | null;
  readonly event: string | null;
  readonly attempts: number;
  /** To go on from. */
  readonly cursor: string;
}

export interface DeadLetterFilter {
  readonly kind?: DeadLetterKind | undefined;
  readonly endpoint?: string | undefined;
  readonly app?: string | undefined;
  readonly channel?: string | undefined;
}

const COLUMNS = `id, kind, app, channel, epoch, seq::float8 as seq, reason, endpoint, event, attempts,
  (extract(epoch from failed_at) * 1000)::float8 as "failedAtMs",
  (extract(epoch from failed_at) * 1000000)::bigint::text || ':' || id as cursor`;
const MESSAGE_ID = `'m:' || epoch || ':' || seq || ':' || left(digest, 16) || ':' || app || '/' || channel`;
const LETTERS = `(
  select ${MESSAGE_ID} as id, 'message' as kind, app, channel, epoch, seq, reason, failed_at,
    null::text as endpoint, null::text as event, 1 as attempts
  from dead_letters
  union all
  select id, 'webhook', app, channel, epoch, seq, coalesce(reason, ''), dead_at, endpoint, event, attempts
  from webhook_deliveries where state = 'dead'
) as letters`;
const CURSOR = /^(\d{1,17}):(.+)$/s;

/** The latest first. `after` is the cursor of the last one seen. */
export async function listDeadLetters(
  database: Database,
  { kind, endpoint, app, channel }: DeadLetterFilter,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<readonly DeadLetterRow[]> {
  const from = CURSOR.exec(after ?? '');
  const { rows } = await database.query<DeadLetterRow>(
    'list dead letters',
    `select ${COLUMNS} from ${LETTERS}
     where ($1::text is null or kind = $1) and ($2::text is null or endpoint = $2)
       and ($3::text is null or app = $3) and ($4::text is null or channel = $4)
       and ($5::bigint is null or ((extract(epoch from failed_at) * 1000000)::bigint, id) < ($5::bigint, $6::text))
     order by failed_at desc, id desc limit $7`,
    [
      kind ?? null,
      endpoint ?? null,
      app ?? null,
      channel ?? null,
      from?.[1] ?? null,
      from?.[2] ?? null,
      limit,
    ],
  );
  return rows;
}

/** A dead letter and its content: the record of a message, the body of a delivery. */
export async function findDeadLetter(
  database: Database,
  id: string,
): Promise<(DeadLetterRow & { readonly content: string }) | undefined> {
  const { rows } = await database.query<DeadLetterRow>(
    'read a dead letter',
    `select ${COLUMNS} from ${LETTERS} where id = $1`,
    [id],
  );
  const [letter] = rows;
  if (letter === undefined) return undefined;
  const content = await contentOf(database, letter);
  // Replayed by somebody else in between.
  return content === undefined ? undefined : { ...letter, content };
}

async function contentOf(
  database: Database,
  { id, kind, app, channel, epoch, seq }: DeadLetterRow,
): Promise<string | undefined> {
  if (kind === 'webhook') {
    const { rows } = await database.query<{ body: string }>(
      'read a dead delivery',
      'select body from webhook_deliveries where id = $1',
      [id],
    );
    return rows[0]?.body;
  }
  const { rows } = await database.query<{ record: Uint8Array }>(
    'read a dead message',
    `select record from dead_letters
     where app = $1 and channel = $2 and epoch = $3 and seq = $4 and ${MESSAGE_ID} = $5`,
    [app, channel, epoch, seq, id],
  );
  return rows[0] === undefined ? undefined : Buffer.from(rows[0].record).toString('utf8');
}

/** A record as it is stored. @throws SyntaxError when it can't be read. */
export function storedMessageOf(place: MessagePlace, record: string): StoredMessage {
  const { header, payload } = decodeRecord(record);
  if (typeof header.id !== 'string' || typeof header.timestamp !== 'number')
    throw new SyntaxError('the header has no id or no timestamp');
  const headerText = record.slice(0, record.length - payload.length - 1);
  return { ...place, id: header.id, publishedAtMs: header.timestamp, header: headerText, payload };
}

export type ReplayResult =
  | { readonly result: 'queued' | 'stored' | 'gone' }
  | { readonly result: 'refused'; readonly reason: string };

/** Has a delivery tried again with all of its attempts, or stores a message. Repeating it does no harm. */
export async function replayDeadLetter(database: Database, id: string): Promise<ReplayResult> {
  const letter = await findDeadLetter(database, id);
  if (letter === undefined) return { result: 'gone' };
  return letter.kind === 'webhook'
    ? await replayDelivery(database, id)
    : await replayMessage(database, letter);
}

async function replayDelivery(database: Database, id: string): Promise<ReplayResult> {
  const { rowCount } = await database.query(
    'replay a delivery',
    `update webhook_deliveries set state = 'pending', attempts = 0, dead_at = null,
       attempt_at = clock_timestamp(), queued_at = clock_timestamp()
     where id = $1 and state = 'dead'`,
    [id],
  );
  return { result: rowCount === 0 ? 'gone' : 'queued' };
}

async function replayMessage(
  database: Database,
  letter: DeadLetterRow & { readonly content: string },
): Promise<ReplayResult> {
  const { app, channel, epoch, seq, content } = letter;
  try {
    const message = storedMessageOf({ app, channel, epoch, seq }, content);
    const result = await storeReplayed(database, message, content);
    return result === 'taken' ? { result: 'refused', reason: POSITION_TAKEN } : { result };
  } catch (error) {
    if (error instanceof DatabaseError && error.retryable) throw error;
    return { result: 'refused', reason: (error as Error).message };
  }
}
