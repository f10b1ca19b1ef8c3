import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTelemetry } from '@carillon/telemetry';
import { makeCertificates, startPgBouncer, startPostgres, type TestPostgres } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { message } from './database.suite.ts';
import type { Database } from './database.ts';
import { insertMessages } from './message-store.ts';
import { migrate, pendingMigrations } from './migrate.ts';
import { openPostgres } from './open-postgres.ts';
import { addSchedule, listSchedules, type NewSchedule } from './scheduled-messages.ts';

let postgres: TestPostgres;
const lines: string[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

const listening = () =>
  createTelemetry({
    service: 'db-test',
    instanceId: 'test',
    version: '0',
    levels: { level: 'info', modules: {} },
    format: 'json',
    processMetrics: false,
    stream: { write: (line) => lines.push(line) },
  });

const open = (url: string, statementTimeoutMs = 20_000): Database =>
  openPostgres(
    {
      url,
      poolMin: 0,
      poolMax: 5,
      connectTimeoutMs: 20_000,
      statementTimeoutMs,
      queryTimeoutMs: 30_000,
      slowQueryMs: 10_000,
    },
    listening(),
  );

async function withDatabase<T>(url: string, use: (database: Database) => Promise<T>): Promise<T> {
  const database = open(url);
  return await use(database).finally(() => database.close());
}

const settingsOf = async (database: Database): Promise<unknown> =>
  (
    await database.query(
      'settings',
      `select current_setting('statement_timeout') as timeout, current_setting('default_transaction_isolation') as isolation`,
    )
  ).rows[0];

describe('behind PgBouncer in transaction mode', () => {
  it('all that persistence does works, and what the role lacks is told with the statement that mends it', async () => {
    const bouncer = await startPgBouncer(postgres);
    const database = open(bouncer.url, 20_000);
    try {
      // The first attempt is refused for its settings; the next is made without them.
      await database.ping().catch(() => undefined);
      await migrate(database);
      expect(await pendingMigrations(database)).toEqual([]);
      // More at once than there are connections.
      const ids = await Promise.all(
        Array.from({ length: 20 }, (_, i) => insertMessages(database, [message(i + 1)])),
      );
      expect(ids).toHaveLength(20);
      const warning = lines
        .map((line) => JSON.parse(line))
        .find(({ statements }) => statements !== undefined);
      expect(warning.statements).toEqual([`alter role "carillon" set statement_timeout = '20000ms'`]);
      await withDatabase(postgres.url, (direct) => direct.query('mend', warning.statements[0]));
      lines.length = 0;
      // A pooler that begins anew has connections with the settings of the role.
      await bouncer.stop();
      const again = await startPgBouncer(postgres);
      await withDatabase(again.url, async (mended) => {
        await mended.ping().catch(() => undefined);
        expect(await settingsOf(mended)).toMatchObject({ timeout: '20s' });
      });
      await again.stop();
      expect(lines.filter((line) => line.includes('alter role'))).toEqual([]);
    } finally {
      await database.close();
      await withDatabase(postgres.url, (direct) => direct.query('reset', 'alter role "carillon" reset all'));
    }
  });
});

describe('where Postgres is', () => {
  it('a unix socket', async () => {
    await withDatabase(
      `postgres://carillon@/postgres?host=${postgres.socketDir}&port=${postgres.port}`,
      (database) => database.ping(),
    );
    const encoded = encodeURIComponent(postgres.socketDir!);
    await withDatabase(`postgres://carillon@${encoded}:${postgres.port}/postgres`, (database) =>
      database.ping(),
    );
  });

  it('a server that asks for a password', async () => {
    const secured = await startPostgres();
    try {
      await withDatabase(secured.url, (database) =>
        database.query('set the password', `alter role carillon password 'p@ss/word'`),
      );
      await writeFile(join(secured.socketDir!, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
      await secured.restart();
      const at = (password: string) => `postgres://carillon${password}@127.0.0.1:${secured.port}/postgres`;
      await withDatabase(at(':p%40ss%2Fword'), (database) => database.ping());
      await expect(withDatabase(at(':wrong'), (database) => database.ping())).rejects.toThrow(
        'password authentication failed',
      );
    } finally {
      await secured.stop();
    }
  });

  it('several hosts: one that is away is passed over', async () => {
    await withDatabase(
      `postgres://carillon@127.0.0.1:1,127.0.0.1:${postgres.port}/postgres`,
      async (database) => {
        await expect(database.ping()).rejects.toThrow('ECONNREFUSED');
        await database.ping();
      },
    );
  });

  it('several hosts: one that takes no writes is passed over', async () => {
    const standby = await startPostgres({ isStandby: true });
    try {
      await withDatabase(
        `postgres://carillon@127.0.0.1:${standby.port},127.0.0.1:${postgres.port}/postgres`,
        async (database) => {
          await expect(database.ping()).rejects.toThrow('takes no writes');
          await database.query('write', 'create temporary table t (n int)');
        },
      );
    } finally {
      await standby.stop();
    }
  });

  it('sslmode=no-verify encrypts without checking the certificate, and says so', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'carillon-db-tls-'));
    const certificates = await makeCertificates(dir);
    const secured = await startPostgres({ tls: certificates });
    const isEncrypted = async (query: string): Promise<unknown> =>
      await withDatabase(
        `postgres://carillon@localhost:${secured.port}/postgres${query}`,
        async (database) => {
          const { rows } = await database.query<{ ssl: boolean }>(
            'look for TLS',
            'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
          );
          return rows[0]!.ssl;
        },
      );
    try {
      lines.length = 0;
      expect(await isEncrypted('?sslmode=no-verify')).toBe(true);
      expect(lines.join('')).toContain('does not check the certificate');
      await expect(isEncrypted('?sslmode=verify-full')).rejects.toThrow('certificate');
      await expect(isEncrypted('?sslmode=require')).rejects.toThrow('certificate');
      expect(await isEncrypted(`?sslmode=verify-full&sslrootcert=${certificates.caFile}`)).toBe(true);
      expect(await isEncrypted('')).toBe(false);
    } finally {
      await secured.stop();
      await rm(dir, { recursive: true });
    }
  });
});

it('a database that is set to serializable refuses no concurrent schedules', async () => {
  await withDatabase(postgres.url, (direct) =>
    direct.query(
      'make serializable',
      'alter database postgres set default_transaction_isolation = serializable',
    ),
  );
  await withDatabase(postgres.url, async (database) => {
    await migrate(database);
    expect(await settingsOf(database)).toMatchObject({ isolation: 'read committed' });
    const schedule = (i: number): NewSchedule => ({
      id: `s-${i}`,
      app: 'demo',
      channel: 'chat:lobby',
      owner: 'ada',
      idempotencyKey: undefined,
      requestHash: 'same',
      event: undefined,
      trace: undefined,
      payload: '{}',
      deliverAtMs: undefined,
      delayMs: 60_000,
    });
    const limits = { maxAheadMs: 86_400_000, maxPerApp: 1000 };
    const added = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => addSchedule(database, schedule(i), limits)),
    );
    expect(added.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(await listSchedules(database, { app: 'demo', limit: 200 })).toHaveLength(100);
  });
});
