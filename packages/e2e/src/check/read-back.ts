import type { RealtimeClient } from '@carillon/client';
import pg from 'pg';
import type { Recorder } from './history-file.ts';

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

export async function countStored(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ n: string }>('select count(*) as n from messages');
    return Number(rows[0]?.n);
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
