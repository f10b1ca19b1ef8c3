import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisTls } from '@carillon/redis';
import { eventually, makeCertificates, redisCommand, startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Broker } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
let broker: Broker;

beforeAll(async () => {
  redis = await startRedis({ appendonly: true });
  broker = createRedisBroker({ url: redis.url, partitions: 1, logger: pino({ level: 'silent' }) });
  await broker.start();
});

afterAll(async () => {
  await broker.stop();
  await redis.stop();
});

const set = async (name: string, value: string): Promise<void> => {
  const admin = new Redis(redis.url);
  await admin.config('SET', name, value);
  admin.disconnect();
};

it('has nothing to say about a Redis that is as it should be', async () => {
  expect(await broker.status()).toEqual({ kind: 'redis', ready: true, problems: [] });
});

it('names a policy that evicts, and memory that is used up', async () => {
  await set('maxmemory-policy', 'allkeys-lru');
  expect(await broker.status()).toMatchObject({
    ready: true,
    problems: [expect.stringContaining('allkeys-lru')],
  });
  await set('maxmemory-policy', 'noeviction');
  await set('maxmemory', '1000');
  expect(await broker.status()).toMatchObject({
    ready: false,
    problems: [expect.stringMatching(/maxmemory: publishes are refused/)],
  });
  await set('maxmemory', '0');
  expect((await broker.status()).problems).toEqual([]);
});

it('says when it can not write to its disk, and whether it refuses publishes because of that', async () => {
  const unwritable = await startRedis({ appendonly: true, config: { 'enable-protected-configs': 'yes' } });
  const other = createRedisBroker({ url: unwritable.url, partitions: 1, logger: pino({ level: 'silent' }) });
  try {
    await other.start();
    const dir = ((await redisCommand(unwritable, 'CONFIG', 'GET', 'dir')) as string[])[1]!;
    const gone = await mkdtemp(join(tmpdir(), 'carillon-gone-'));
    await redisCommand(unwritable, 'CONFIG', 'SET', 'dir', gone);
    await rm(gone, { recursive: true });
    const snapshot = async (status: string): Promise<void> => {
      await redisCommand(unwritable, 'BGSAVE');
      const info = async () => String(await redisCommand(unwritable, 'INFO', 'persistence'));
      const done = new RegExp(`rdb_bgsave_in_progress:0[\\s\\S]+rdb_last_bgsave_status:${status}`);
      await eventually(async () => done.test(await info()), { what: `the snapshot is ${status}` });
    };
    await snapshot('err');
    // No snapshots are asked for: publishes go on.
    expect(await other.status()).toMatchObject({
      ready: true,
      problems: [expect.stringMatching(/the last snapshot of Redis failed .*: look at/)],
    });
    await redisCommand(unwritable, 'CONFIG', 'SET', 'save', '3600 1000000');
    expect(await other.status()).toMatchObject({
      ready: false,
      problems: [
        expect.stringMatching(
          /the last snapshot of Redis failed .*: publishes are refused \(MISCONF\).*save ""/,
        ),
      ],
    });
    await redisCommand(unwritable, 'CONFIG', 'SET', 'dir', dir);
    await snapshot('ok');
    expect(await other.status()).toMatchObject({ ready: true, problems: [] });
  } finally {
    await other.stop();
    await unwritable.stop();
  }
});

/** The status' problem, awaited until it is more specific than a missing or unready connection. */
async function refusalBy(url: string, tls: RedisTls = {}): Promise<string> {
  const refused = createRedisBroker({ url, tls, partitions: 1, logger: pino({ level: 'silent' }) });
  const abort = new AbortController();
  const started = refused.start(abort.signal);
  started.catch(() => undefined);
  const problem = async (): Promise<string> => (await refused.status()).problems.join('; ');
  const hasNone = /it is \w+$|takes connections and is not ready/;
  try {
    await eventually(async () => !hasNone.test(await problem()), { what: 'the status names a cause' });
    expect((await refused.status()).ready).toBe(false);
    return await problem();
  } finally {
    abort.abort();
    await expect(started).rejects.toThrow('Gave up');
    await refused.stop();
  }
}

it('names the cause when Redis lets nobody in', async () => {
  const locked = await startRedis({ config: { requirepass: 'sesame' } });
  try {
    const address = `127.0.0.1:${locked.port}`;
    expect(await refusalBy(`redis://${address}`)).toMatch(/asks for a password.*CARILLON_REDIS_URL.*NOAUTH/);
    expect(await refusalBy(`redis://:hunter2@${address}`)).toMatch(
      /refuses the user or password .*WRONGPASS/,
    );
    expect(await refusalBy(`rediss://:sesame@${address}`)).toMatch(/no TLS at that port/);
  } finally {
    await locked.stop();
  }
  expect(await refusalBy('redis://127.0.0.1:1')).toMatch(/nothing listens there.*ECONNREFUSED/);
  expect(await refusalBy('redis://there-is-no-such-host.invalid')).toMatch(/host name .* is not known/);
});

it('never works in database 0 instead of one that does not exist', async () => {
  const few = await startRedis({ appendonly: true, config: { databases: '2' } });
  try {
    const address = `redis://127.0.0.1:${few.port}`;
    expect(await refusalBy(`${address}/2`)).toMatch(
      /database 2 of CARILLON_REDIS_URL can not be used.*fewer/,
    );
    expect(await redisCommand(few, 'DBSIZE')).toBe(0);
    const last = createRedisBroker({ url: `${address}/1`, partitions: 1, logger: pino({ level: 'silent' }) });
    await last.start();
    expect((await last.status()).ready).toBe(true);
    await last.stop();
    expect(await redisCommand(few, 'DBSIZE'), 'its keys are in database 1').toBe(0);
  } finally {
    await few.stop();
  }
});

it('presents a certificate to a Redis that asks for one', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'carillon-redis-tls-'));
  const tls = await makeCertificates(dir);
  const strict = await startRedis({ appendonly: true, tls, config: { 'tls-auth-clients': 'yes' } });
  const pem = async (path: string): Promise<string> => await readFile(path, 'utf8');
  const logger = pino({ level: 'silent' });
  try {
    const trusted = { ca: await pem(tls.caFile) };
    const known = { ...trusted, cert: await pem(tls.certFile), key: await pem(tls.keyFile) };
    const admitted = createRedisBroker({ url: strict.url, tls: known, partitions: 1, logger });
    await admitted.start();
    expect(await admitted.status()).toMatchObject({ ready: true });
    await admitted.stop();
    expect(await refusalBy(strict.url, trusted)).toMatch(/CARILLON_REDIS_TLS_CERT_FILE/);
    expect(await refusalBy(strict.url)).toMatch(/CARILLON_REDIS_TLS_CA_FILE names the authority/);
  } finally {
    await strict.stop();
    await rm(dir, { recursive: true });
  }
});
