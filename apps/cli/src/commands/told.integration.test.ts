/** Messages of `sub` and `pub` to a waiting user: that Redis is away, that it is back, and that a pattern is no channel. */
import { env as inherited } from 'node:process';
import { fileURLToPath } from 'node:url';
import { mintToken } from '@carillon/server';
import {
  eventually,
  freePort,
  type ServerProcess,
  startProcess,
  startRedis,
  type TestRedis,
} from '@carillon/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/carillon.js', import.meta.url));
const GATEWAY = fileURLToPath(new URL('../../../gateway/src/main.ts', import.meta.url));
const SECRET = 'cli-test-secret-0123456789-0123456789';

let redis: TestRedis;
let gateway: ServerProcess;
let env: Record<string, string>;

beforeAll(async () => {
  redis = await startRedis({ appendonly: true });
  const port = await freePort();
  gateway = await startProcess({
    command: process.execPath,
    args: [GATEWAY],
    env: {
      CARILLON_REDIS_URL: redis.url,
      CARILLON_JWT_SECRET: SECRET,
      CARILLON_GATEWAY_PORT: String(port),
    },
    readyUrl: `http://127.0.0.1:${port}/ready`,
  });
  const capabilities = { '*': ['subscribe', 'publish'] } as const;
  env = {
    CARILLON_URL: `ws://127.0.0.1:${port}`,
    CARILLON_TOKEN: await mintToken({ secret: SECRET, userId: 'ada', capabilities, expiresInMs: 600_000 }),
  };
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await redis?.stop();
});

const carillon = (...args: string[]): Promise<ServerProcess> =>
  startProcess({ command: process.execPath, args: [BIN, ...args], env: { ...inherited, ...env } });

const says = (program: ServerProcess, text: string): Promise<void> =>
  eventually(() => program.output.includes(text), { what: `it says: ${text}` });

it('that the service is degraded, and complete again', { timeout: 60_000 }, async () => {
  const subscriber = await carillon('sub', 'chat:a', '--count', '1');
  await says(subscriber, 'subscribed to chat:a');
  await redis.kill();
  await says(subscriber, 'the service is degraded: its Redis is away. Waiting; Ctrl-C ends it');
  const publisher = await carillon('pub', 'chat:a', 'hello');
  await says(publisher, 'the service is degraded: its Redis is away. Waiting; Ctrl-C ends it');
  expect(publisher.running).toBe(true);
  await redis.restart();
  await says(subscriber, 'the service is complete again');
  expect([await publisher.exited, await subscriber.exited]).toEqual([0, 0]);
  expect(publisher.output).toContain('the service is complete again');
  expect(subscriber.output).toContain('hello');
});

it('that a pattern is no channel', async () => {
  const subscriber = await carillon('sub', 'chat:*');
  expect(await subscriber.exited).toBe(2);
  expect(subscriber.output).toContain('"chat:*" is a pattern, and only channels can be subscribed to');
  expect(subscriber.output).toContain('carillon sub chat:lobby chat:help');
});
