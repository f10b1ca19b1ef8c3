/** `carillon dev` as a real process: everything in one, with its data on disk. */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, type ServerProcess, startProcess, startTcpProxy } from '@carillon/testing';
import { PGlite } from '@electric-sql/pglite';
import type { Rows } from '../check/read-back.ts';
import { JWT_SECRET, type Links, type Service } from '../services.ts';

const MAIN = fileURLToPath(new URL('../../../../apps/cli/src/main.ts', import.meta.url));
/** The first start makes the database, which a busy machine takes a minute for. */
const READY_TIMEOUT_MS = 300_000;

export interface SingleOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of node before the program's file. */
  readonly nodeArgs?: readonly string[];
}

export interface SingleInstance extends Service {
  readonly dataDir: string;
  readonly links: Links;
  /** Asks the database as it is on the disk at this moment. */
  readonly rows: Rows;
  /** Ends it and removes its data. */
  end(): Promise<void>;
}

export async function startSingle({ env = {}, nodeArgs = [] }: SingleOptions = {}): Promise<SingleInstance> {
  const dataDir = mkdtempSync(join(tmpdir(), 'carillon-single-'));
  const [port, adminPort] = [await freePort(), await freePort()];
  const clients = await startTcpProxy({ targetPort: port });
  const start = (): Promise<ServerProcess> =>
    startProcess({
      command: process.execPath,
      args: [...nodeArgs, MAIN, 'dev'],
      env: {
        CARILLON_JWT_SECRET: JWT_SECRET,
        CARILLON_DATA_DIR: dataDir,
        CARILLON_GATEWAY_PORT: String(port),
        CARILLON_ADMIN_PORT: String(adminPort),
        ...env,
      },
      readyUrl: `http://127.0.0.1:${port}/ready`,
      readyTimeoutMs: READY_TIMEOUT_MS,
    });
  let current = await start();
  return {
    name: 'gateway',
    port,
    dataDir,
    // It has no way to servers: it is all of them.
    links: { clients, redis: clients, postgres: clients },
    rows: (query) => askCopy(dataDir, current, query),
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
    end: async () => {
      current.resume();
      await current.stop();
      await clients.stop();
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** The database is for one process. So the process stands still while its files are copied, as a crash of this moment would leave them. */
async function askCopy<T extends object>(
  dataDir: string,
  instance: ServerProcess,
  query: string,
): Promise<readonly T[]> {
  const copy = mkdtempSync(join(tmpdir(), 'carillon-single-copy-'));
  try {
    instance.pause();
    cpSync(join(dataDir, 'postgres'), join(copy, 'postgres'), { recursive: true });
    instance.resume();
    const database = await PGlite.create(join(copy, 'postgres'));
    const { rows } = await database.query<T>(query);
    await database.close();
    return rows;
  } finally {
    instance.resume();
    if (existsSync(copy)) rmSync(copy, { recursive: true });
  }
}
