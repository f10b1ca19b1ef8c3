import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { GenericContainer, Wait } from 'testcontainers';
import { chooseBackend, findProgram } from './backend.ts';
import type { Certificates } from './certificates.ts';
import { environment } from './config.ts';
import { freePort } from './free-port.ts';
import { descendantsOf, pauseTree, resumeTree, signal } from './process-tree.ts';
import { type ServerProcess, startProcess } from './server-process.ts';

const run = promisify(execFile);

export interface TestPostgres {
  readonly url: string;
  readonly port: number;
  /** Folder of the unix socket; `undefined` for containers and given servers. */
  readonly socketDir?: string;
  /** Of a local process; `undefined` for containers and given servers. */
  readonly pid?: number;
  stop(): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** SIGSTOP to the server and all of its backends: connections stay, nothing answers. */
  pause(): void;
  /** SIGCONT to all of them. */
  resume(): void;
}

export interface PostgresTestOptions {
  /** TLS as well. Needs local binaries. */
  readonly tls?: Certificates;
  /** A replica that waits for its primary: it takes no writes. Needs local binaries. */
  readonly isStandby?: boolean;
}

/** A Postgres of its own with an empty database: a new database of a given server, a local process, or a container. */
export async function startPostgres(options: PostgresTestOptions = {}): Promise<TestPostgres> {
  const given = environment.databaseUrl;
  if (given !== undefined && given !== '') return await useGiven(given);
  return (await chooseBackend('initdb')) === 'local' ? await startLocal(options) : await startContainer();
}

/** Postgres refuses to run as root: the ids of its own user are used then. */
export async function postgresIds(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (flag: string): Promise<number> => Number((await run('id', [flag, 'postgres'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

/** Only the key's owner may be able to read it. */
async function tlsSettings(
  dir: string,
  { certFile, keyFile }: Certificates,
  ids: { uid: number; gid: number } | undefined,
): Promise<readonly string[]> {
  const [cert, key] = [join(dir, 'server.pem'), join(dir, 'server-key.pem')];
  await copyFile(certFile, cert);
  await copyFile(keyFile, key);
  await chmod(key, 0o600);
  if (ids !== undefined) await Promise.all([cert, key].map((file) => chown(file, ids.uid, ids.gid)));
  return ['-c', 'ssl=on', '-c', `ssl_cert_file=${cert}`, '-c', `ssl_key_file=${key}`];
}

async function startLocal({ tls, isStandby = false }: PostgresTestOptions): Promise<TestPostgres> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'carillon-postgres-'));
  const ids = await postgresIds();
  if (ids !== undefined) await chown(dir, ids.uid, ids.gid);
  await run(
    findProgram('initdb')!,
    ['-D', dir, '-U', 'carillon', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    { ...ids },
  );
  if (isStandby) await writeFile(join(dir, 'standby.signal'), '');
  const secured = tls === undefined ? [] : await tlsSettings(dir, tls, ids);
  const start = (): Promise<ServerProcess> =>
    startProcess({
      command: findProgram('postgres')!,
      args: [
        '-D',
        dir,
        '-p',
        String(port),
        '-h',
        '127.0.0.1',
        '-k',
        dir,
        '-c',
        'fsync=off',
        '-c',
        'max_connections=200',
        ...secured,
      ],
      readyPattern: /database system is ready to accept (?:read-only )?connections/,
      ...ids,
    });
  let current = await start();
  return {
    url: `postgres://carillon@127.0.0.1:${port}/postgres`,
    port,
    socketDir: dir,
    get pid() {
      return current.pid;
    },
    stop: async () => {
      resumeTree(current.pid);
      await current.kill('SIGQUIT');
      await rm(dir, { recursive: true, force: true });
    },
    kill: async () => {
      const backends = descendantsOf(current.pid);
      await current.kill();
      for (const pid of backends) signal(pid, 'SIGCONT');
      // Backends end when they notice; until then they answer, and a new server is refused their memory.
      await current.closed;
    },
    restart: async () => {
      await current.kill('SIGQUIT');
      current = await start();
    },
    pause: () => pauseTree(current.pid),
    resume: () => resumeTree(current.pid),
  };
}

const unsupported = (): never => {
  throw new Error('this test kills or pauses Postgres: it needs local binaries');
};

async function startContainer(): Promise<TestPostgres> {
  const container = await new GenericContainer('postgres:17')
    .withExposedPorts(5432)
    .withEnvironment({ POSTGRES_USER: 'carillon', POSTGRES_PASSWORD: 'carillon', POSTGRES_DB: 'carillon' })
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start();
  const port = container.getMappedPort(5432);
  return {
    url: `postgres://carillon:carillon@${container.getHost()}:${port}/carillon`,
    port,
    stop: async () => {
      await container.stop();
    },
    kill: unsupported,
    restart: async () => await container.restart(),
    pause: unsupported,
    resume: unsupported,
  };
}

async function useGiven(url: string): Promise<TestPostgres> {
  const name = `carillon_test_${randomBytes(6).toString('hex')}`;
  const asAdmin = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await asAdmin(`create database ${name}`);
  const address = new URL(url);
  address.pathname = `/${name}`;
  return {
    url: address.href,
    port: Number(address.port || 5432),
    stop: () => asAdmin(`drop database ${name} with (force)`),
    kill: unsupported,
    restart: unsupported,
    pause: unsupported,
    resume: unsupported,
  };
}
