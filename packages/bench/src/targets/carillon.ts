/** Carillon as it is deployed: two gateways, a router, persistence, Redis with AOF, Postgres; each a process of its own. */
import { fileURLToPath } from 'node:url';
import { freePort, type ServerProcess, startPostgres, startProcess, startRedis } from '@carillon/testing';
import { SignJWT } from 'jose';
import { usageOf } from '../measure/process-usage.ts';
import { SERVER_NODE_OPTIONS, type Target } from './target.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SECRET = 'bench-secret-0123456789-0123456789-0123456789';

/** Carillon, with the ports of all of its services: metrics are there. */
export interface CarillonTarget extends Target {
  readonly servicePorts: readonly number[];
}

/** Where the message log is. */
export interface RedisServers {
  readonly url: string;
  /** Names and pids; a server in a container has none here, and its CPU is left out. */
  readonly processes: readonly (readonly [name: string, pid: number | undefined])[];
  stop(): Promise<void>;
}

export interface CarillonOptions {
  /** Default 2. */
  readonly gateways?: number;
  /** Default: one Redis. */
  readonly startRedis?: () => Promise<RedisServers>;
  /** Further settings of all services. */
  readonly env?: Readonly<Record<string, string>>;
}

export const SETTINGS = {
  CARILLON_JWT_SECRET: SECRET,
  CARILLON_LOG_LEVEL: 'warn',
  CARILLON_MAX_CONNECTIONS: '20000',
  // The scenarios measure throughput; a slow load generator must not be cut off for it.
  CARILLON_SEND_QUEUE_BYTES: '16MiB',
  CARILLON_SEND_QUEUE_MESSAGES: '100000',
  CARILLON_NAMESPACES: '{"unstored":{"durable":false}}',
};

/** Starts everything and waits until it is ready. */
export async function startCarillon(options: CarillonOptions = {}): Promise<CarillonTarget> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };
  try {
    return await startAll(options, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startAll(
  { gateways = 2, startRedis: startServers = startOneRedis, env: given = {} }: CarillonOptions,
  closers: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<CarillonTarget> {
  const redis = await startServers();
  closers.push(() => redis.stop());
  const postgres = await startPostgres();
  closers.push(() => postgres.stop());
  const env = {
    ...SETTINGS,
    CARILLON_REDIS_URL: redis.url,
    CARILLON_DATABASE_URL: postgres.url,
    ...given,
  };
  await migrate(env);
  const nodes = Array.from({ length: gateways }, (_, i) => `gateway-${i + 1}`);
  const starting = [
    ...nodes.map((name) => startService('gateway', name, env)),
    startService('router', 'router', env),
    startService('persistence', 'persistence', env),
  ];
  closers.push(async () => {
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map((one) => one.status === 'fulfilled' && one.value.process.stop()));
  });
  const services = await Promise.all(starting);
  return {
    name: 'carillon',
    dialect: 'carillon',
    token: await mintToken('bench'),
    tokens: (count) => Promise.all(Array.from({ length: count }, (_, i) => mintToken(`bench-${i}`))),
    ports: services.slice(0, gateways).map(({ port }) => port),
    servicePorts: services.map(({ port }) => port),
    nodes,
    usage: () =>
      Promise.all([
        ...services.map(({ name, process }) => usageOf(name, process.pid)),
        ...withPids([...redis.processes, ['postgres', postgres.pid]]).map(([name, pid]) =>
          usageOf(name, pid),
        ),
      ]),
    stop,
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
    args: [...SERVER_NODE_OPTIONS, `${ROOT}apps/${service}/src/main.ts`],
    env: { ...env, [`CARILLON_${service.toUpperCase()}_PORT`]: String(port) },
    readyUrl: `http://127.0.0.1:${port}/ready`,
    // All of them start at once, on a machine that may be busy with other things.
    readyTimeoutMs: 120_000,
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

export function mintToken(user: string): Promise<string> {
  return new SignJWT({ capabilities: { '*': ['subscribe', 'publish', 'history'] } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET));
}

export const REDIS_SETTINGS = { appendonly: true, config: { appendfsync: 'everysec' } } as const;

async function startOneRedis(): Promise<RedisServers> {
  const redis = await startRedis(REDIS_SETTINGS);
  return { url: redis.url, processes: [['redis', redis.pid]], stop: () => redis.stop() };
}

/** Servers that run in a container have no pid here; then their CPU is left out. */
function withPids(processes: RedisServers['processes']): readonly (readonly [string, number])[] {
  return processes.flatMap(([name, pid]) => (pid === undefined ? [] : [[name, pid] as const]));
}
