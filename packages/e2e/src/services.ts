/** The services as real processes, on servers that the caller has. */
import { fileURLToPath } from 'node:url';
import { freePort, type ServerProcess, startProcess, startTcpProxy, type TcpProxy } from '@carillon/testing';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const JWT_SECRET = 'e2e-secret-0123456789-0123456789-0123456789';
export const ADMIN_TOKEN = 'e2e-admin-token-0123456789';

export type ServiceName = 'gateway' | 'router' | 'persistence' | 'admin';

/** The ways from and to one service, each of which can be cut, delayed, half open. */
export interface Links {
  /** Only to a single Redis: nodes of a cluster, and sentinels, say where they are. */
  readonly redis: TcpProxy | undefined;
  readonly postgres: TcpProxy;
  /** From its clients. */
  readonly clients: TcpProxy;
}

export interface Service {
  readonly name: ServiceName;
  readonly port: number;
  readonly pid: number;
  /** Output since the last start, bounded. */
  readonly output: string;
  /** With the option `links`. */
  readonly links: Links | undefined;
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

export interface ServicesOptions {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** Default 2 gateways, 2 routers, 1 persistence, no admin. */
  readonly gateways?: number;
  readonly routers?: number;
  readonly persistence?: number;
  readonly admin?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Settings of single processes: the i-th of its name, from 0. */
  readonly envOf?: (name: ServiceName, index: number) => Readonly<Record<string, string>>;
  /** Puts a proxy on every way to and from every service. Default false. */
  readonly links?: boolean;
  /** Arguments of node before the service's file. */
  readonly nodeArgs?: readonly string[];
}

export interface Services {
  readonly gateways: readonly Service[];
  readonly routers: readonly Service[];
  readonly persistence: readonly Service[];
  readonly admin: Service | undefined;
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string>>;

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function through(url: string, { port }: TcpProxy): string {
  const address = new URL(url);
  address.port = String(port);
  return address.href;
}

async function startLinks(port: number, { redisUrl, databaseUrl }: ServicesOptions): Promise<Links> {
  const isSingle = /^rediss?:/.test(redisUrl);
  const [postgres, clients, redis] = await Promise.all(
    [portOf(databaseUrl), port, ...(isSingle ? [portOf(redisUrl)] : [])].map((targetPort) =>
      startTcpProxy({ targetPort }),
    ),
  );
  return { redis, postgres: postgres!, clients: clients! };
}

async function startService(
  name: ServiceName,
  options: ServicesOptions,
  given: Environment,
): Promise<Service> {
  const port = await freePort();
  const links = options.links === true ? await startLinks(port, options) : undefined;
  const start = (): Promise<ServerProcess> =>
    startProcess({
      command: process.execPath,
      args: [...(options.nodeArgs ?? []), `${ROOT}apps/${name}/src/main.ts`],
      env: {
        CARILLON_REDIS_URL:
          links?.redis === undefined ? options.redisUrl : through(options.redisUrl, links.redis),
        CARILLON_DATABASE_URL:
          links === undefined ? options.databaseUrl : through(options.databaseUrl, links.postgres),
        [`CARILLON_${name.toUpperCase()}_PORT`]: String(port),
        // More than one, so that routers share them.
        CARILLON_PARTITIONS: '4',
        ...given,
      },
      readyUrl: `http://127.0.0.1:${port}/ready`,
      readyTimeoutMs: 120_000,
    });
  let current = await start();
  return {
    name,
    port,
    links,
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
      current = await start();
    },
  };
}

/** Applies the migrations. */
export async function migrate(databaseUrl: string, more: Environment = {}): Promise<void> {
  const run = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/persistence/src/migrate.ts`],
    env: { CARILLON_DATABASE_URL: databaseUrl, CARILLON_LOG_LEVEL: 'warn', ...more },
  });
  const code = await run.exited;
  if (code !== 0) throw new Error(`the migration ended with ${code}: ${run.output}`);
}

async function stopAll(services: readonly Service[]): Promise<void> {
  await Promise.all(
    services.map(async (service) => {
      service.resume();
      await service.stop();
      await Promise.all(Object.values(service.links ?? {}).map((link) => link?.stop()));
    }),
  );
}

/** Starts the services on a migrated database. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const env = {
    CARILLON_JWT_SECRET: JWT_SECRET,
    CARILLON_ADMIN_TOKEN: ADMIN_TOKEN,
    CARILLON_LOG_LEVEL: 'warn',
    ...options.env,
  };
  const startMany = (name: ServiceName, count: number): Promise<Service[]> =>
    Promise.all(
      Array.from({ length: count }, (_, i) =>
        startService(name, options, { ...env, ...options.envOf?.(name, i) }),
      ),
    );
  const [gateways, routers, persistence, admins] = await Promise.all([
    startMany('gateway', options.gateways ?? 2),
    startMany('router', options.routers ?? 2),
    startMany('persistence', options.persistence ?? 1),
    startMany('admin', options.admin === true ? 1 : 0),
  ]);
  const stop = (): Promise<void> => stopAll([...gateways, ...routers, ...persistence, ...admins]);
  return { gateways, routers, persistence, admin: admins[0], stop };
}
