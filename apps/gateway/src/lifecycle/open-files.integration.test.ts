/** A gateway process that may have few open files. */
import { fileURLToPath } from 'node:url';
import {
  eventually,
  freePort,
  type ServerProcess,
  startProcess,
  startRedis,
  type TestRedis,
} from '@carillon/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const OPEN_FILES = 256;
let redis: TestRedis;
let gateway: ServerProcess;
let port: number;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  redis = await startRedis({ appendonly: true });
  port = await freePort();
  gateway = await startProcess({
    command: 'sh',
    args: ['-c', `ulimit -n ${OPEN_FILES}; exec ${process.execPath} ${MAIN}`],
    env: {
      CARILLON_REDIS_URL: redis.url,
      CARILLON_JWT_SECRET: 'open-files-test-secret-0123456789-0123456789',
      CARILLON_GATEWAY_PORT: String(port),
      CARILLON_LOG_FORMAT: 'json',
    },
    readyUrl: `http://127.0.0.1:${port}/ready`,
  });
});
afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await gateway.kill();
  await redis.stop();
});

const answers = async (path: string): Promise<number> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  await response.arrayBuffer();
  return response.status;
};

it('keeps files for Redis and health, whatever number of clients there is, and tells both limits', async () => {
  expect(gateway.output).toContain(
    'CARILLON_MAX_CONNECTIONS is 5000, and this process may have 256 open files',
  );
  for (let i = 0; i < OPEN_FILES + 50; i++) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`);
    socket.on('error', () => undefined);
    sockets.push(socket);
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    socket.once('open', resolve).once('close', () => resolve());
    await settled;
  }
  expect(await answers('/health')).toBe(200);
  // A new connection to Redis can be made.
  await redis.restart();
  await eventually(async () => (await answers('/health/websocket')) === 200, {
    what: 'it is at Redis again',
    timeoutMs: 30_000,
  });
});
