import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { GenericContainer } from 'testcontainers';
import { cutAofTail } from './aof-tail.ts';
import { chooseBackend, findProgram } from './backend.ts';
import type { Certificates } from './certificates.ts';
import { environment } from './config.ts';
import { freePort } from './free-port.ts';
import { type ServerProcess, startProcess } from './server-process.ts';
import { steppableClock } from './steppable-clock.ts';

export interface RedisOptions {
  /** Append-only file. Default false: what is lost on a restart doesn't matter to the test. */
  readonly appendonly?: boolean;
  /** Further settings, e.g. `{ maxmemory: '64mb' }`. */
  readonly config?: Readonly<Record<string, string>>;
  /** TLS only. Needs a local redis-server. */
  readonly tls?: Certificates;
  /** Its clock can be stepped. Needs a local redis-server on Linux and a C compiler. */
  readonly steppableClock?: boolean;
}

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Of a local process; `undefined` for containers and given servers. */
  readonly pid?: number;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts again on the same port with the same data. */
  restart(): Promise<void>;
  /**
   * Kills it and starts it again without the last `records` commands of its append-only file, as after a power cut. Resolves with
   * how many are gone. Needs `appendonly`.
   */
  restartWithTailLost(records: number): Promise<number>;
  /** Kills it and starts it again without any data. */
  restartEmpty(): Promise<void>;
  /** Keeps a copy of the data as they are on the disk now. Resolves with what kills it and starts it again with that copy. */
  keepCopy(): Promise<() => Promise<void>>;
  /** Steps its clock by so much, ahead or (below 0) back, as somebody does who sets the time of its machine. Needs `steppableClock`. */
  stepClock(byMs: number): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
}

/** A Redis of its own: a given server's free database, a local process, or a container. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const given = environment.redisUrl;
  if (given !== undefined && given !== '') return await useGiven(given);
  return (await chooseBackend('redis-server')) === 'local'
    ? await startLocal(options)
    : await startContainer(options);
}

function settings({ appendonly = false, config = {} }: RedisOptions): readonly string[] {
  const all: Record<string, string> = {
    save: '',
    appendonly: appendonly ? 'yes' : 'no',
    'maxmemory-policy': 'noeviction',
    ...config,
  };
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
}

async function startLocal(options: RedisOptions): Promise<TestRedis> {
  const port = await freePort();
  const home = await mkdtemp(join(tmpdir(), 'carillon-redis-'));
  const dir = join(home, 'data');
  await mkdir(dir);
  const clock = options.steppableClock === true ? await steppableClock(home) : undefined;
  const start = (): Promise<ServerProcess> =>
    startProcess({
      ...clock?.settings,
      command: findProgram('redis-server')!,
      args: [...portSettings(port, options.tls), '--bind', '127.0.0.1', '--dir', dir, ...settings(options)],
      readyPattern: /Ready to accept connections/,
    });
  let current = await start();
  const restart = async (change?: () => Promise<unknown>): Promise<void> => {
    await current.kill();
    await change?.();
    current = await start();
  };
  return {
    url: options.tls === undefined ? `redis://127.0.0.1:${port}` : `rediss://localhost:${port}`,
    port,
    get pid() {
      return current.pid;
    },
    stop: async () => {
      current.resume();
      await current.kill();
      await rm(home, { recursive: true, force: true });
    },
    kill: async () => {
      await current.kill();
    },
    restart: () => restart(),
    restartWithTailLost: async (records) => {
      let lost = 0;
      await restart(async () => {
        lost = await cutAofTail(dir, records);
      });
      return lost;
    },
    restartEmpty: () => restart(() => emptyFolder(dir)),
    keepCopy: async () => {
      const copy = await mkdtemp(join(home, 'copy-'));
      await cp(dir, copy, { recursive: true });
      return () =>
        restart(async () => {
          await emptyFolder(dir);
          await cp(copy, dir, { recursive: true });
        });
    },
    stepClock:
      clock?.step ??
      (() => Promise.reject(new Error('a Redis without `steppableClock` has the clock of this machine'))),
    pause: () => current.pause(),
    resume: () => current.resume(),
  };
}

/** Of redis-server, where it listens. */
export function portSettings(port: number, tls: Certificates | undefined): readonly string[] {
  if (tls === undefined) return ['--port', String(port)];
  return [
    ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile, '--tls-ca-cert-file', tls.caFile],
  ];
}

async function emptyFolder(dir: string): Promise<void> {
  await rm(dir, { recursive: true });
  await mkdir(dir);
}

async function startContainer(options: RedisOptions): Promise<TestRedis> {
  const container = await new GenericContainer('redis:7')
    .withExposedPorts(6379)
    .withCommand(['redis-server', ...settings(options)])
    .start();
  const port = container.getMappedPort(6379);
  const unsupported = (): never => {
    throw new Error('this test kills or pauses Redis: it needs a local redis-server');
  };
  return {
    url: `redis://${container.getHost()}:${port}`,
    port,
    stop: async () => {
      await container.stop();
    },
    kill: unsupported,
    restart: async () => await container.restart(),
    restartWithTailLost: unsupported,
    restartEmpty: unsupported,
    keepCopy: unsupported,
    stepClock: unsupported,
    pause: unsupported,
    resume: unsupported,
  };
}

/** Databases of the given server already in use by this process. */
const taken = new Set<number>();

async function useGiven(url: string): Promise<TestRedis> {
  const database = Array.from({ length: 16 }, (_, i) => i).find((i) => !taken.has(i));
  if (database === undefined) throw new Error('all 16 databases of the given Redis are in use');
  taken.add(database);
  const address = new URL(url);
  address.pathname = `/${database}`;
  const client = new Redis(address.href);
  await client.flushdb();
  const unsupported = (): never => {
    throw new Error('this test kills or restarts Redis: unset CARILLON_TEST_REDIS_URL');
  };
  return {
    url: address.href,
    port: Number(address.port || 6379),
    stop: async () => {
      await client.flushdb();
      client.disconnect();
      taken.delete(database);
    },
    kill: unsupported,
    restart: unsupported,
    restartWithTailLost: unsupported,
    restartEmpty: unsupported,
    keepCopy: unsupported,
    stepClock: unsupported,
    pause: unsupported,
    resume: unsupported,
  };
}
