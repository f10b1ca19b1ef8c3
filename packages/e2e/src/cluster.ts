/**
 * A whole installation of real processes on this machine: Redis, Postgres, gateways, routers, persistence, admin. Each can be killed
 * and started again on the same port, as a supervisor would.
 */
import { fileURLToPath } from 'node:url';
import {
  freePort,
  type ServerProcess,
  startPostgres,
  startProcess,
  startRedis,
  type TestPostgres,
  type TestRedis,
} from '@carillon/testing';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const JWT_SECRET = 'e2e-secret-0123456789-0123456789-0123456789';
export const ADMIN_TOKEN = 'e2e-admin-token-0123456789';

export type ServiceName = 'gateway' | 'router' | 'persistence' | 'admin';

export interface Service {
  readonly name: ServiceName;
  readonly port: number;
  readonly pid: number;
  /** What it has written since its last start, bounded. */
  readonly output: string;
  /** SIGKILL and wait until it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: the process stands still, as on a machine that swaps. */
  pause(): void;
  resume(): void;
  /** SIGTERM and wait for the graceful end. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Starts it again on the same port and waits until it is ready. */
  start(): Promise<void>;
}

export interface ClusterOptions {
  readonly gateways?: number;
  readonly routers?: number;
  readonly persistence?: number;
  readonly admin?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Redis without AOF, for tests that never restart it. */
  readonly appendonly?: boolean;
}

export interface Cluster {
  readonly redis: TestRedis;
  readonly postgres: TestPostgres;
  readonly gateways: readonly Service[];
  readonly routers: readonly Service[];
  readonly persistence: readonly Service[];
  readonly admin: Service | undefined;
  stop(): Promise<void>;
}

async function startService(name: ServiceName, env: Readonly<Record<string, string>>): Promise<Service> {
  const port = await freePort();
  const options = {
    command: process.execPath,
    args: [`${ROOT}apps/${name}/src/main.ts`],
    env: {
      ...env,
      [`CARILLON_${name.toUpperCase()}_PORT`]: String(port),
    },
    readyUrl: `http://127.0.0.1:${port}/ready`,
  };
  let current: ServerProcess = await startProcess(options);
  return {
    name,
    port,
    get pid() {
      return current.pid;
    },
    get output() {
      return current.output;
    },
    kill: async () => {
      await current.kill();
    },
    pause: () => current.pause(),
    resume: () => current.resume(),
    stop: () => current.stop(),
    start: async () => {
      current = await startProcess(options);
    },
  };
}

async function migrate(env: Readonly<Record<string, string>>): Promise<void> {
  const run = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/persistence/src/migrate.ts`],
    env,
  });
  const code = await run.exited;
  if (code !== 0) throw new Error(`the migration ended with ${code}`);
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const redis = await startRedis({
    appendonly: options.appendonly ?? true,
    config: { appendfsync: 'always', 'maxmemory-policy': 'noeviction' },
  });
  const postgres = await startPostgres();
  const env = {
    CARILLON_REDIS_URL: redis.url,
    CARILLON_DATABASE_URL: postgres.url,
    CARILLON_JWT_SECRET: JWT_SECRET,
    CARILLON_ADMIN_TOKEN: ADMIN_TOKEN,
    CARILLON_LOG_LEVEL: 'warn',
    ...options.env,
  };
  const startMany = (name: ServiceName, count: number): Promise<Service[]> =>
    Promise.all(Array.from({ length: count }, () => startService(name, env)));
  await migrate(env);
  const [gateways, routers, persistence, admins] = await Promise.all([
    startMany('gateway', options.gateways ?? 2),
    startMany('router', options.routers ?? 2),
    startMany('persistence', options.persistence ?? 1),
    startMany('admin', options.admin === true ? 1 : 0),
  ]);
  const stop = async (): Promise<void> => {
    await Promise.all([...gateways, ...routers, ...persistence, ...admins].map((service) => service.stop()));
    await redis.stop();
    await postgres.stop();
  };
  return { redis, postgres, gateways, routers, persistence, admin: admins[0], stop };
}
