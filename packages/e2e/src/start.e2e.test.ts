/** Starting in bad conditions: no Redis, no Postgres, wrong settings; and what may never be in a log. */
import { fileURLToPath } from 'node:url';
import { BackendClient, mintToken } from '@carillon/server';
import {
  eventually,
  freePort,
  type ServerProcess,
  startPostgres,
  startProcess,
  startRedis,
} from '@carillon/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ADMIN_TOKEN, JWT_SECRET } from './cluster.ts';
import { tokenFor } from './people.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SERVICES = ['gateway', 'router', 'persistence', 'admin'] as const;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const start = async (name: string, env: Record<string, string>): Promise<ServerProcess> => {
  const started = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/${name}/src/main.ts`],
    env,
  });
  closers.push(() => started.stop());
  return started;
};
const statusOf = async (port: number, path: string): Promise<number> => {
  try {
    return (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  } catch {
    return 0; // nobody listens yet
  }
};

describe('starting', () => {
  it('[O1] waits for Redis and Postgres, alive and not ready, says so, and goes on by itself', {
    timeout: 180_000,
  }, async () => {
    const redis = await startRedis({ appendonly: true });
    const postgres = await startPostgres();
    closers.push(
      () => redis.stop(),
      () => postgres.stop(),
    );
    const env = {
      CARILLON_REDIS_URL: redis.url,
      CARILLON_DATABASE_URL: postgres.url,
      CARILLON_JWT_SECRET: JWT_SECRET,
      CARILLON_ADMIN_TOKEN: ADMIN_TOKEN,
    };
    const migration = await startProcess({
      command: process.execPath,
      args: [`${ROOT}apps/persistence/src/migrate.ts`],
      env,
    });
    expect(await migration.exited).toBe(0);
    await redis.kill();
    await postgres.kill();
    const started = await Promise.all(
      SERVICES.map(async (name) => {
        const port = await freePort();
        return {
          name,
          port,
          process: await start(name, { ...env, [`CARILLON_${name.toUpperCase()}_PORT`]: String(port) }),
        };
      }),
    );
    for (const { name, port, process } of started) {
      await eventually(async () => (await statusOf(port, '/ready')) === 503, {
        what: `${name} answers that it is not ready`,
      });
      expect([name, await statusOf(port, '/health')]).toEqual([name, 200]);
      await eventually(
        () => /"level":"(warn|error)".*(ECONNREFUSED|refused|not ready)/i.test(process.output),
        {
          what: `${name} says what it waits for`,
        },
      );
    }
    await redis.restart();
    await postgres.restart();
    for (const { name, port } of started)
      await eventually(async () => (await statusOf(port, '/ready')) === 200, {
        what: `${name} is ready`,
        timeoutMs: 30_000,
      });
  });

  it.each(SERVICES)('%s refuses to start on wrong settings and names every one of them', async (name) => {
    const refused = await start(name, {
      CARILLON_REDIS_URL: 'http://localhost',
      CARILLON_DATABASE_URL: 'mysql://localhost',
      CARILLON_SHUTDOWN_TIMEOUT_MS: '5 fortnights',
      CARILLON_LOG_LEVEL: 'loud',
      [`CARILLON_${name.toUpperCase()}_PORT`]: '70000',
    });
    expect(await refused.exited).not.toBe(0);
    const wrong = [
      'CARILLON_REDIS_URL',
      'CARILLON_SHUTDOWN_TIMEOUT_MS',
      'CARILLON_LOG_LEVEL',
      `CARILLON_${name.toUpperCase()}_PORT`,
      ...(name === 'persistence' || name === 'admin' ? ['CARILLON_DATABASE_URL'] : []),
      ...(name === 'gateway' ? ['CARILLON_JWT_SECRET'] : []),
    ];
    for (const variable of wrong) expect(refused.output).toContain(variable);
  });

  it('[S2 V5] never writes a token into a log, wherever it came from, at the most talkative level', {
    timeout: 180_000,
  }, async () => {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const port = await freePort();
    const gateway = await start('gateway', {
      CARILLON_REDIS_URL: redis.url,
      CARILLON_JWT_SECRET: JWT_SECRET,
      CARILLON_GATEWAY_PORT: String(port),
      CARILLON_LOG_LEVEL: 'trace',
    });
    await eventually(async () => (await statusOf(port, '/ready')) === 200, {
      what: 'the gateway is ready',
      timeoutMs: 20_000,
    });
    const good = await tokenFor('somebody');
    const stranger = await mintToken({
      secret: 'another-secret-0123456789-0123456789-0123456789',
      userId: 'stranger',
      capabilities: {},
      expiresInMs: 60_000,
    });
    const address = `ws://127.0.0.1:${port}/v1/ws`;
    for (const token of [good, stranger]) {
      const ways: readonly WebSocket[] = [
        new WebSocket(`${address}?token=${token}`, ['carillon.v1.json']),
        new WebSocket(address, ['carillon.v1.json', `carillon.token.${token}`]),
        new WebSocket(address, ['carillon.v1.json'], { headers: { authorization: `Bearer ${token}` } }),
        new WebSocket(address, ['carillon.v1.json']),
      ];
      for (const [i, socket] of ways.entries())
        socket.on('open', () =>
          socket.send(JSON.stringify({ type: 'connect', id: 1, ...(i === 3 && { token }) })),
        );
      await Promise.all(
        ways.map(
          (socket) =>
            new Promise<void>((resolve) => {
              socket.on('message', () => resolve());
              socket.on('close', () => resolve());
              socket.on('error', () => resolve());
            }),
        ),
      );
      for (const socket of ways) socket.terminate();
      const backEnd = new BackendClient({
        url: `http://127.0.0.1:${port}`,
        token,
        retry: { maxAttempts: 1 },
      });
      await backEnd.publish('logs:a', { text: 'x' }).catch((error: unknown) => error);
      await fetch(`http://127.0.0.1:${port}/v1/channels/logs:a/messages?token=${token}`);
    }
    await gateway.stop();
    expect(gateway.output).toContain('"level":"debug"');
    for (const token of [good, stranger]) {
      const [, claims, signature] = token.split('.');
      expect(gateway.output.includes(claims!)).toBe(false);
      expect(gateway.output.includes(signature!)).toBe(false);
    }
    expect(gateway.output.includes(JWT_SECRET)).toBe(false);
  });
});
