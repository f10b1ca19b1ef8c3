/** D1, D3: a gateway that doesn't take what is pushed to it loses its connection to Redis, and nothing else. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, redisCommand, startPostgres, startRedis, type TestRedis } from '@carillon/testing';
import { afterEach, expect, it } from 'vitest';
import { Stage } from './check/stage.ts';
import { connectClient } from './people.ts';
import { migrate, startServices } from './services.ts';

const CHANNELS = ['push:a', 'push:b', 'push:c'];
/** The buffers of the sockets take some megabytes before Redis has to keep anything. */
const FILLER = 'x'.repeat(16 * 1024);
const FILLERS = 1500;
const AT_ONCE = 50;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Connections that are subscribed to pushes: one per gateway. */
async function subscribed(redis: TestRedis): Promise<readonly string[]> {
  const list = String(await redisCommand(redis, 'CLIENT', 'LIST', 'TYPE', 'PUBSUB'));
  return [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id!);
}

it('a gateway that stands still while much is pushed reads from history what it missed', {
  timeout: 240_000,
}, async () => {
  const [redis, postgres, folder] = await Promise.all([
    startRedis({ config: { 'client-output-buffer-limit': 'pubsub 4mb 1mb 1' } }),
    startPostgres(),
    mkdtemp(join(tmpdir(), 'carillon-pushes-')),
  ]);
  closers.push(
    () => rm(folder, { recursive: true, force: true }),
    () => redis.stop(),
    () => postgres.stop(),
  );
  await migrate(postgres.url);
  const services = await startServices({ redisUrl: redis.url, databaseUrl: postgres.url, routers: 0 });
  closers.push(() => services.stop());
  const [first, second] = [services.gateways[0]!, services.gateways[1]!];
  const stage = new Stage(postgres.url, folder);
  closers.push(() => stage.close());
  await stage.subscriber('sdk', { gateway: second, channels: CHANNELS }).start();
  await (await stage.bareSubscriber('bare', { gateway: second, channels: CHANNELS })).start();
  (await stage.publisher('publisher', { gateway: first, channels: CHANNELS })).start(5);
  await stage.traffic(100);
  const [filler, listener] = [
    await connectClient('filler', first.port),
    await connectClient('listener', second.port),
  ];
  closers.push(
    () => filler.close(),
    () => listener.close(),
  );
  await listener.subscribe('push:filler', () => undefined).ready();

  await eventually(async () => (await subscribed(redis)).length === 2, { what: 'both gateways are there' });
  second.pause();
  for (let sent = 0; sent < FILLERS; sent += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, () => filler.publish('push:filler', FILLER)));
  await eventually(async () => (await subscribed(redis)).length === 1, { what: 'Redis gave the gateway up' });
  await stage.traffic(50);
  second.resume();
  await eventually(async () => (await subscribed(redis)).length === 2, { what: 'the gateway is back' });
  await stage.traffic(100);
  const { violations } = await stage.judge({ storedIsKnown: false }, { settleMs: 60_000, reader: first });
  expect(violations).toEqual([]);
});
