import type { RealtimeClient } from '@carillon/client';
import type { Position } from '@carillon/protocol';
import pg from 'pg';
import type { Recorder } from './history-file.ts';
import type { Frontier } from './recorded-publisher.ts';

const PAGE = 500;
/** Sorts before every epoch. */
const BEFORE_ALL = '000000000000';

/** Rows of the database that messages are stored in. */
export type Rows = <T extends object>(query: string) => Promise<readonly T[]>;

/** Takes down every row of Postgres. */
export async function recordStored(rows: Rows, recorder: Recorder): Promise<void> {
  const stored = await rows<{ app: string; channel: string; epoch: string; seq: string; payload: string }>(
    'select app, channel, epoch, seq, payload from messages order by app, channel, epoch, seq',
  );
  for (const { seq, payload, ...place } of stored) {
    const { key } = JSON.parse(payload) as { key: string };
    recorder.record({ type: 'stored', ...place, seq: Number(seq), key });
  }
}

/** Different messages: one that is there twice counts once. */
export async function countStored(rows: Rows): Promise<number> {
  const [row] = await rows<{ n: string }>(
    'select count(*) as n from (select distinct app, channel, payload from messages) as different',
  );
  return Number(row?.n);
}

/** Is everything stored up to the newest accepted message of each channel, and nothing missing before any that is stored? */
export async function isStoredUpTo(rows: Rows, frontier: Frontier): Promise<boolean> {
  const tops = await rows<{ place: string; epoch: string; top: string; n: string }>(
    `select app || '/' || channel as place, epoch, max(seq) as top, count(*) as n from messages group by place, epoch`,
  );
  const reached = ([place, position]: [string, Position]): boolean =>
    tops.some(
      (row) =>
        row.place === place && frontier.compare(place, { ...row, seq: Number(row.top) }, position) >= 0,
    );
  return tops.every(({ top, n }) => Number(top) === Number(n)) && [...frontier.newest].every(reached);
}

export function rowsOf(databaseUrl: string): Rows {
  return async <T extends object>(query: string) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      return (await client.query<T>(query)).rows;
    } finally {
      await client.end();
    }
  };
}

/** Reads a channel through the API from its very first message to its last, and takes down what came. */
export async function recordReread(
  client: RealtimeClient,
  { app, channel }: { readonly app: string; readonly channel: string },
  recorder: Recorder,
): Promise<void> {
  let after = { epoch: BEFORE_ALL, seq: 0 };
  for (;;) {
    const { messages, more } = await client.history(channel, { after, limit: PAGE });
    for (const { epoch, seq, payload } of messages) {
      recorder.record({ type: 'reread', app, channel, epoch, seq, key: (payload as { key: string }).key });
      after = { epoch, seq };
    }
    if (!more) return;
  }
}
