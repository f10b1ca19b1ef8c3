import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './backend.ts';
import { freePort } from './free-port.ts';
import { postgresIds, type TestPostgres } from './postgres.ts';
import { startProcess } from './server-process.ts';

export interface TestPgBouncer {
  readonly url: string;
  stop(): Promise<void>;
}

export interface PgBouncerOptions {
  /** Default `transaction`. */
  readonly poolMode?: 'session' | 'transaction';
  /** Connections to Postgres. Default 5. */
  readonly poolSize?: number;
}

/** PgBouncer before a Postgres, with the settings of its package. @throws Error when it isn't installed */
export async function startPgBouncer(
  postgres: TestPostgres,
  { poolMode = 'transaction', poolSize = 5 }: PgBouncerOptions = {},
): Promise<TestPgBouncer> {
  const program = findProgram('pgbouncer');
  if (program === undefined) throw new Error('this test needs PgBouncer: apt-get install pgbouncer');
  const [port, dir, ids] = [
    await freePort(),
    await mkdtemp(join(tmpdir(), 'carillon-pgbouncer-')),
    await postgresIds(),
  ];
  const target = new URL(postgres.url);
  const file = join(dir, 'pgbouncer.ini');
  const settings = [
    '[databases]',
    `${target.pathname.slice(1)} = host=${target.hostname} port=${target.port} user=${target.username}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${poolMode}`,
    `default_pool_size = ${poolSize}`,
  ];
  await writeFile(file, `${settings.join('\n')}\n`);
  if (ids !== undefined) await Promise.all([dir, file].map((path) => chown(path, ids.uid, ids.gid)));
  const bouncer = await startProcess({ command: program, args: [file], readyPattern: /process up/, ...ids });
  return {
    url: `postgres://${target.username}@127.0.0.1:${port}${target.pathname}`,
    stop: async () => {
      await bouncer.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
