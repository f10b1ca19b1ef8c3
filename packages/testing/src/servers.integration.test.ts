import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, it } from 'vitest';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';

it('a killed Redis with an append-only file comes back with its data on the same port', async () => {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
  const client = new Redis(redis.url);
  client.on('error', () => undefined); // expected while Redis is away
  await client.set('kept', 'yes');
  await redis.kill();
  await redis.restart();
  expect(await client.get('kept')).toBe('yes');
  client.disconnect();
  await redis.stop();
});

it('two Postgres servers know nothing of each other', async () => {
  const [a, b] = await Promise.all([startPostgres(), startPostgres()]);
  const tables = async (url: string): Promise<number> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(
      "select count(*)::int as n from pg_tables where schemaname = 'public'",
    );
    await client.end();
    return (rows[0] as { n: number }).n;
  };
  const client = new pg.Client({ connectionString: a.url });
  await client.connect();
  await client.query('create table only_here (n int)');
  await client.end();
  expect([await tables(a.url), await tables(b.url)]).toEqual([1, 0]);
  await Promise.all([a.stop(), b.stop()]);
});
