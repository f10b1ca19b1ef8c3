import pg from 'pg';

/** Every message in Postgres: `<channel> <epoch>:<seq>` -> key of its payload. */
export async function storedMessages(url: string): Promise<ReadonlyMap<string, string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ channel: string; epoch: string; seq: string; payload: string }>(
      'select channel, epoch, seq, payload from messages',
    );
    return new Map(
      rows.map((row) => [
        `${row.channel} ${row.epoch}:${row.seq}`,
        (JSON.parse(row.payload) as { key: string }).key,
      ]),
    );
  } finally {
    await client.end();
  }
}
