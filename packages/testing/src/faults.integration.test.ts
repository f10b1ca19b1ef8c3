import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, it } from 'vitest';
import { startPostgres } from './postgres.ts';
import { refuseInserts, slowInserts } from './postgres-faults.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { startRedisPair } from './redis-pair.ts';

const DURABLE = { appendonly: true, config: { appendfsync: 'always' } } as const;

async function connected<T>({ url }: Pick<TestRedis, 'url'>, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  redis.on('error', () => undefined); // a server that is being restarted
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

it('a Redis loses the last records of its append-only file, a script as a whole', async () => {
  const server = await startRedis(DURABLE);
  await connected(server, async (redis) => {
    for (let i = 0; i < 5; i++) await redis.eval("redis.call('INCR', 'a') return redis.call('INCR', 'b')", 0);
  });
  expect(await server.restartWithTailLost(2)).toBe(2);
  expect(await connected(server, (redis) => redis.mget('a', 'b'))).toEqual(['3', '3']);
  await server.stop();
});

it('a Redis comes back empty, and with an earlier copy of its data', async () => {
  const server = await startRedis(DURABLE);
  await connected(server, (redis) => redis.set('a', 'early'));
  const restore = await server.keepCopy();
  await connected(server, (redis) => redis.set('a', 'late'));
  await restore();
  expect(await connected(server, (redis) => redis.get('a'))).toBe('early');
  await server.restartEmpty();
  expect(await connected(server, (redis) => redis.dbsize())).toBe(0);
  await server.stop();
});

it('a replica that lagged is promoted, and has not what came meanwhile', async () => {
  const pair = await startRedisPair();
  await connected(pair, async (redis) => {
    await redis.set('a', '1');
    await pair.catchUp();
    pair.lag();
    await redis.set('a', '2');
    await pair.failOver();
  });
  expect(await connected(pair, (redis) => redis.get('a'))).toBe('1');
  await pair.stop();
});

it('a Postgres stands still, refuses inserts, and is slow', async () => {
  const server = await startPostgres();
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('create table kept (n int)');

  server.pause();
  const late = client.query('insert into kept values (1)');
  await expect(
    Promise.race([late, new Promise((resolve) => setTimeout(resolve, 200, 'waiting'))]),
  ).resolves.toBe('waiting');
  server.resume();
  await late;

  const heal = await refuseInserts(server.url, 'kept');
  await expect(client.query('insert into kept values (2)')).rejects.toMatchObject({ code: '53100' });
  await heal();
  const repair = await refuseInserts(server.url, 'kept', '22012');
  await expect(client.query('insert into kept values (2)')).rejects.toMatchObject({ code: '22012' });
  await repair();

  const faster = await slowInserts(server.url, 'kept', 300);
  const startMs = performance.now();
  await client.query('insert into kept values (3)');
  expect(performance.now() - startMs).toBeGreaterThan(290);
  await faster();

  expect((await client.query('select n from kept order by n')).rows).toEqual([{ n: 1 }, { n: 3 }]);
  await client.end();
  await server.stop();
});
