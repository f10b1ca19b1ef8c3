import { connectionOptions, readRedisAddress } from '@carillon/redis';
import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectBare } from '../connection.ts';
import { PipelinedConnection } from './pipelined-connection.ts';
import { command } from './resp-command.ts';
import type { Reply } from './resp-reader.ts';

let server: TestRedis;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

const fail = (error: Error): never => {
  throw error;
};

/** For a server that is slow, and has no other fault. */
const patient = (url: string) => ({
  way: connectionOptions(readRedisAddress(url), { key: 'any' }),
  connectTimeoutMs: 30_000,
  commandTimeoutMs: 30_000,
});

it('tells refused subscriptions from the answers to what is under way', async () => {
  await admin.call('ACL', 'SETUSER', 'deaf', 'on', '>secret', '~*', '+@all', 'resetchannels', '&mine:*');
  const pushes: Reply[] = [];
  const redis = connectBare(patient(`redis://deaf:secret@127.0.0.1:${server.port}`), 'test', fail);
  const wire = new PipelinedConnection({
    redis,
    replyTimeoutMs: 30_000,
    onError: fail,
    onPush: (push) => pushes.push(push),
  });
  await redis.connect();
  await wire.untilReady();

  const before = wire.call(command('ECHO', 'before'));
  const refused = wire.subscribe(['other:1', 'mine:1', 'other:2']);
  const after = wire.call(command('ECHO', 'after'));
  await expect(refused).rejects.toThrow('NOPERM');
  expect([await before, await after]).toEqual(['before', 'after']);

  await wire.subscribe(['mine:2']);
  await admin.spublish('mine:2', 'hello');
  expect(await wire.call(command('ECHO', 'end'))).toBe('end');
  expect(pushes.at(-1)).toEqual(['smessage', 'mine:2', 'hello']);
  redis.disconnect();
});

it('reads what came while this process stood still before it says that nothing came', async () => {
  const redis = connectBare(patient(server.url), 'test', fail);
  const faults: string[] = [];
  const onError = ({ message }: Error): unknown => faults.push(message);
  const wire = new PipelinedConnection({ redis, replyTimeoutMs: 1000, onError });
  await redis.connect();
  await wire.untilReady();
  const answer = wire.call(command('ECHO', 'there'));
  await Promise.resolve(); // it leaves at the end of the turn
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
  await answer.catch(onError);
  expect(faults).toEqual([]);
  expect(await answer).toBe('there');
  redis.disconnect();
});
