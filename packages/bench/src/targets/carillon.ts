/** Carillon as it is deployed: two gateways, a router, persistence, Redis with AOF, Postgres; each a process of its own. */
import { fileURLToPath } from 'node:url';
import { freePort, type ServerProcess, startPostgres, startProcess, startRedis } from '@carillon/testing';
import { SignJWT } from 'jose';
import { usageOf } from '../measure/process-usage.ts';
import type { Target } from './target.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SECRET = 'bench-secret-0123456789-0123456789-0123456789';

export interface CarillonOptions {
  /** Default 2. */
  readonly gateways?: number;
}

/** Starts everything and waits until it is ready. */
export async function startCarillon({ gateways = 2 }: CarillonOptions = {}): Promise<Target> {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'everysec' } });
  const postgres = await startPostgres();
  const env = {
    CARILLON_REDIS_URL: redis.url,
    CARILLON_DATABASE_URL: postgres.url,
    CARILLON_JWT_SECRET: SECRET,
    CARILLON_LOG_LEVEL: 'warn',
    CARILLON_MAX_CONNECTIONS: '20000',
    // The scenarios measure throughput; a slow load generator must not be cut off for it.
    CARILLON_SEND_QUEUE_BYTES: '16MiB',
    CARILLON_SEND_QUEUE_MESSAGES: '100000',
  };
  await migrate(env);
  const services = await Promise.all([
    ...Array.from({ length: gateways }, (_, i) => startService('gateway', `gateway-${i + 1}`, env)),
    startService('router', 'router', env),
    startService('persistence', 'persistence', env),
  ]);
  return {
    name: 'carillon',
    dialect: 'carillon',
    token: await mintToken('bench'),
    tokens: (count) => Promise.all(Array.from({ length: count }, (_, i) => mintToken(`bench-${i}`))),
    ports: services.slice(0, gateways).map(({ port }) => port),
    usage: () =>
      Promise.all([
        ...services.map(({ name, process }) => usageOf(name, process.pid)),
        ...pidsOf(redis, postgres).map(([name, pid]) => usageOf(name, pid)),
      ]),
    stop: async () => {
      await Promise.all(services.map(({ process }) => process.stop()));
      await redis.stop();
      await postgres.stop();
    },
  };
}

async function startService(
  service: string,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<{ name: string; port: number; process: ServerProcess }> {
  const port = await freePort();
  const process = await startProcess({
    command: globalThis.process.execPath,
    args: [`${ROOT}apps/${service}/src/main.ts`],
    env: { ...env, [`CARILLON_${service.toUpperCase()}_PORT`]: String(port) },
    readyUrl: `http://127.0.0.1:${port}/ready`,
  });
  return { name, port, process };
}

async function migrate(env: Readonly<Record<string, string>>): Promise<void> {
  const run = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/persistence/src/migrate.ts`],
    env,
  });
  if ((await run.exited) !== 0) throw new Error(`the migration failed\n${run.output}`);
}

function mintToken(user: string): Promise<string> {
  return new SignJWT({ capabilities: { '*': ['subscribe', 'publish', 'history'] } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET));
}

/** Servers that run in a container have no pid here; then their CPU is left out. */
function pidsOf(
  redis: { readonly pid?: number },
  postgres: { readonly pid?: number },
): readonly (readonly [string, number])[] {
  return (
    [
      ['redis', redis.pid],
      ['postgres', postgres.pid],
    ] as const
  ).flatMap(([name, pid]) => (pid === undefined ? [] : [[name, pid] as const]));
}
