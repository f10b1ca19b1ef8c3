import type { RealtimeClient } from '@carillon/client';
import type { Position } from '@carillon/protocol';
import pg from 'pg';
import type { Recorder } from './history-file.ts';
import type { Frontier } from './recorded-publisher.ts';

const PAGE = 500;
/** Sorts before every epoch. */
const BEFORE_ALL = '000000000000';

/** Takes down every row of Postgres. */
export async function recordStored(databaseUrl: string, recorder: Recorder): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{
      app: string;
      channel: string;
      epoch: string;
      seq: string;
      payload: string;
    }>('select app, channel, epoch, seq, payload from messages order by app, channel, epoch, seq');
    for (const { seq, payload, ...place } of rows) {
      const { key } = JSON.parse(payload) as { key: string };
      recorder.record({ type: 'stored', ...place, seq: Number(seq), key });
    }
  } finally {
    await client.end();
  }
}

/** Different messages: one that is there twice counts once. */
export async function countStored(databaseUrl: string): Promise<number> {
  const [row] = await rowsOf<{ n: string }>(
    databaseUrl,
    'select count(distinct (app, channel, payload)) as n from messages',
  );
  return Number(row?.n);
}

/** Is everything stored up to the newest accepted message of each channel, and nothing missing before any that is stored? */
export async function isStoredUpTo(databaseUrl: string, frontier: Frontier): Promise<boolean> {
  const rows = await rowsOf<{ place: string; epoch: string; top: string; n: string }>(
    databaseUrl,
    `select app || '/' || channel as place, epoch, max(seq) as top, count(*) as n from messages group by place, epoch`,
  );
  const reached = ([place, position]: [string, Position]): boolean =>
    rows.some(
      (row) =>
        row.place === place && frontier.compare(place, { ...row, seq: Number(row.top) }, position) >= 0,
    );
  return rows.every(({ top, n }) => top === n) && [...frontier.newest].every(reached);
}

async function rowsOf<T extends object>(databaseUrl: string, query: string): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<T>(query)).rows;
  } finally {
    await client.end();
  }
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
