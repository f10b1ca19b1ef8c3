import type { Position } from '@carillon/protocol';
import type { Database } from './database.ts';

export interface StoredEntry extends Position {
  /** Header and payload, as the broker carries them. */
  readonly record: string;
}

const DEFAULT_BYTES = 1024 * 1024;
/** Sorts after every epoch. */
const END: Position = { epoch: '~', seq: Number.MAX_SAFE_INTEGER };
const BEGINNING: Position = { epoch: '', seq: 0 };

/** Bounds of an answer. It ends after the entry that passes `maxBytes` (default 1 MiB), so it is never empty because of it. */
type Bounds = { readonly limit: number; readonly maxBytes?: number };

/** The first entries of what `where` selects, up to the bounds. `order` is written here, never given. */
function select(where: string, order: 'asc' | 'desc', limit: number, maxBytes: number): string {
  const by = `epoch ${order}, seq ${order}`;
  return `select epoch, seq::float8 as seq, header || E'\\n' || payload as record from (
    select *, sum(octet_length(header) + octet_length(payload)) over (order by ${by} rows unbounded preceding)
      - octet_length(header) - octet_length(payload) as bytes_before
    from (select epoch, seq, header, payload from messages
          where app = $1 and channel = $2 and ${where} order by ${by} limit ${Math.trunc(limit)}) as found
  ) as counted where bytes_before < ${Math.trunc(maxBytes)} order by ${by}`;
}

/** seq from..to inclusive of one epoch, ascending. */
export async function readRange(
  database: Database,
  channel: { readonly app: string; readonly channel: string },
  range: { readonly epoch: string; readonly from: number; readonly to: number } & Bounds,
): Promise<readonly StoredEntry[]> {
  const { limit, maxBytes = DEFAULT_BYTES } = range;
  const { rows } = await database.query<StoredEntry>(
    'read a range',
    select('epoch = $3 and seq between $4 and $5', 'asc', limit, maxBytes),
    [channel.app, channel.channel, range.epoch, range.from, range.to],
  );
  return rows;
}

/** After a position, ascending, over epochs; `undefined`: from the oldest. */
export async function readAfter(
  database: Database,
  channel: { readonly app: string; readonly channel: string },
  position: Position | undefined,
  { limit, maxBytes = DEFAULT_BYTES }: Bounds,
): Promise<readonly StoredEntry[]> {
  const { epoch, seq } = position ?? BEGINNING;
  const { rows } = await database.query<StoredEntry>(
    'read after a position',
    select('(epoch, seq) > ($3, $4)', 'asc', limit, maxBytes),
    [channel.app, channel.channel, epoch, seq],
  );
  return rows;
}

/** Before a position, descending, over epochs; `undefined`: from the newest. */
export async function readBefore(
  database: Database,
  channel: { readonly app: string; readonly channel: string },
  position: Position | undefined,
  { limit, maxBytes = DEFAULT_BYTES }: Bounds,
): Promise<readonly StoredEntry[]> {
  const { epoch, seq } = position ?? END;
  const { rows } = await database.query<StoredEntry>(
    'read before a position',
    select('(epoch, seq) < ($3, $4)', 'desc', limit, maxBytes),
    [channel.app, channel.channel, epoch, seq],
  );
  return rows;
}
