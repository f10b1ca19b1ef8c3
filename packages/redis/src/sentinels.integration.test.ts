/** Real sentinels: who is followed, and what is told when they are away. */
import { once } from 'node:events';
import { eventually, redisCommand, type SentinelledRedis, startSentinelledRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readRedisAddress, type SentinelAddress } from './address.ts';
import { connectionOptions } from './connection-options.ts';
import { type SentinelNews, Sentinels } from './sentinels.ts';

let servers: SentinelledRedis;
let news: SentinelNews[];
let sentinels: Sentinels;
const open = new Set<Redis>();
beforeEach(async () => {
  servers = await startSentinelledRedis({ sentinels: 3 });
  news = [];
  sentinels = new Sentinels(addressOf(servers.url), { timeoutMs: 1000, onNews: (one) => news.push(one) });
}, 60_000);
afterEach(async () => {
  for (const redis of open) redis.disconnect();
  open.clear();
  sentinels?.close();
  await servers?.stop();
});

const addressOf = (url: string): SentinelAddress => readRedisAddress(url) as SentinelAddress;
const endpoint = (port: number): object => ({ host: '127.0.0.1', port });

async function connect(way = connectionOptions(addressOf(servers.url), { key: '', sentinels })) {
  const faults: string[] = [];
  const redis = new Redis({ ...way, lazyConnect: true, enableOfflineQueue: false, retryStrategy: () => 20 });
  open.add(redis);
  redis.on('error', ({ message }) => faults.push(message));
  await redis.connect();
  return { redis, faults };
}

const leadsTo = async (redis: Redis, port: number): Promise<boolean> =>
  redis.status === 'ready' && (await redis.info('server')).includes(`tcp_port:${port}`);

it('a planned failover is followed at once: connections to the old primary end while it still takes itself for the primary', {
  timeout: 60_000,
}, async () => {
  const [one, other] = [await connect(), await connect()];
  const closed = Promise.all([once(one.redis, 'close'), once(other.redis, 'close')]);
  await servers.failOver();
  await closed;
  // Sentinel demotes it ten seconds later.
  expect(String(await redisCommand(servers.primary, 'INFO', 'replication'))).toContain('role:master');
  for (const { redis } of [one, other])
    await eventually(() => leadsTo(redis, servers.replica.port), { what: 'it leads to the new primary' });
  expect(String(await redisCommand(servers.primary, 'INFO', 'replication'))).toContain('role:master');
  expect(news).toEqual([
    { kind: 'moved', from: endpoint(servers.primary.port), to: endpoint(servers.replica.port) },
  ]);
});

it('one sentinel that answers is enough, wherever it stands; that the others are away is told once', {
  timeout: 60_000,
}, async () => {
  const [first, second] = servers.sentinels;
  await Promise.all([first!.kill(), second!.kill()]);
  const { redis, faults } = await connect();
  for (let i = 0; i < 4; i++) {
    redis.disconnect(true);
    await once(redis, 'ready');
  }
  expect(faults).toEqual([]);
  await eventually(() => sentinels.problem !== undefined, { what: 'it is a problem' });
  expect(sentinels.problem).toBe('only 1 of 3 sentinels answers: a failover may be noticed late');
  expect(news).toMatchObject([{ kind: 'unheard', faults: [expect.any(String), expect.any(String)] }]);
  expect(JSON.stringify(news)).toContain(`127.0.0.1:${first!.port}: `);
});

it('while no sentinel answers the connections stay, and new ones lead to the last known primary', {
  timeout: 60_000,
}, async () => {
  const { redis } = await connect();
  const { promise: neverClosed, reject } = Promise.withResolvers<never>();
  redis.once('close', () => reject(new Error('the connection was ended')));
  for (const sentinel of servers.sentinels) sentinel.pause();
  try {
    const told = eventually(() => news.length > 0, { what: 'they are missed', timeoutMs: 20_000 });
    await Promise.race([told, neverClosed]);
    neverClosed.catch(() => undefined);
    expect(sentinels.problem).toMatch(
      /^no sentinel answers: the connections to the last known primary are kept/,
    );
    const { redis: later } = await connect();
    expect(await leadsTo(later, servers.primary.port)).toBe(true);
  } finally {
    for (const sentinel of servers.sentinels) sentinel.resume();
  }
  await eventually(() => sentinels.problem === undefined, { what: 'they answer again', timeoutMs: 20_000 });
  expect(news.map(({ kind }) => kind)).toEqual(['unheard', 'heard']);
});

it('other sentinels than those of the URL are learnt, and asked when it is away', {
  timeout: 60_000,
}, async () => {
  const [first] = servers.sentinels;
  const address = addressOf(servers.url);
  const knowsOne = new Sentinels({ ...address, sentinels: [address.sentinels[0]!] }, { timeoutMs: 1000 });
  const { redis } = await connect(connectionOptions(address, { key: '', sentinels: knowsOne }));
  await first!.kill();
  await eventually(() => knowsOne.problem !== undefined, { what: 'it is missed', timeoutMs: 20_000 });
  await redisCommand(servers.sentinels[1]!, 'SENTINEL', 'FAILOVER', 'carillon');
  await eventually(() => leadsTo(redis, servers.replica.port), {
    what: 'it leads to the new primary',
    timeoutMs: 20_000,
  });
  knowsOne.close();
});

it('says what the sentinels say to a wrong password', { timeout: 60_000 }, async () => {
  const locked = await startSentinelledRedis({ sentinelPassword: 'sesame' });
  const wrong = new Sentinels(addressOf(locked.url.replace('sesame', 'wrong')), { timeoutMs: 1000 });
  try {
    await expect(wrong.primary()).rejects.toMatchObject({
      message: 'no sentinel says where the primary is',
      cause: { message: expect.stringContaining('WRONGPASS') },
    });
  } finally {
    wrong.close();
    await locked.stop();
  }
});
