import { fileURLToPath } from 'node:url';
import { type Broker, createRedisBroker } from '@carillon/broker';
import { type Database, migrate, openPostgres } from '@carillon/db';
import {
  eventually,
  freePort,
  type ServerProcess,
  startPostgres,
  startProcess,
  startRedis,
  type TestPostgres,
  type TestRedis,
} from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publication, publish, quietTelemetry } from './published.suite.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const MIGRATE = fileURLToPath(new URL('./migrate.ts', import.meta.url));
const MESSAGES = 3000;

describe('persistence as processes', () => {
  let redis: TestRedis;
  let postgres: TestPostgres;
  let broker: Broker;
  let database: Database;

  beforeAll(async () => {
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
    broker = createRedisBroker({ url: redis.url, logger: quietTelemetry().logger });
    await broker.start();
    const options = { url: postgres.url, poolMin: 0, poolMax: 2, connectTimeoutMs: 20_000 };
    const timeouts = { statementTimeoutMs: 20_000, queryTimeoutMs: 25_000, slowQueryMs: 1000 };
    database = openPostgres({ ...options, ...timeouts }, quietTelemetry());
  });

  afterAll(async () => {
    await broker.stop();
    await database.close();
    await Promise.all([redis.stop(), postgres.stop()]);
  });

  const environment = () => ({
    CARILLON_REDIS_URL: redis.url,
    CARILLON_DATABASE_URL: postgres.url,
    CARILLON_LOG_LEVEL: 'warn',
    CARILLON_PERSISTENCE_BATCH_MAX_MESSAGES: '100',
    CARILLON_PERSISTENCE_CLAIM_IDLE_MS: '1000',
  });
  const start = async (): Promise<ServerProcess> => {
    const port = await freePort();
    return await startProcess({
      command: process.execPath,
      args: [MAIN],
      env: { ...environment(), CARILLON_PERSISTENCE_PORT: String(port) },
      readyUrl: `http://127.0.0.1:${port}/ready`,
    });
  };
  const count = async (): Promise<number> =>
    (await database.query<{ n: number }>('count', 'select count(*)::int as n from messages')).rows[0]!.n;

  it('migrates once, however many start at the same time', async () => {
    const migrations = await Promise.all(
      [1, 2, 3].map(() => startProcess({ command: process.execPath, args: [MIGRATE], env: environment() })),
    );
    expect(await Promise.all(migrations.map(({ exited }) => exited))).toEqual([0, 0, 0]);
    expect(await migrate(database)).toEqual([]);
  });

  it('has every message exactly once after a worker was killed in the middle of a batch', async () => {
    const [victim, heir] = await Promise.all([start(), start()]);
    // Holds every insert open, so that the kill surely falls between read and commit.
    const lock = await database.pool.connect();
    await lock.query('begin');
    await lock.query('lock table messages in share mode');
    const places: string[] = [];
    for (let n = 0; n < MESSAGES; n += 100)
      places.push(
        ...(await publish(
          broker,
          Array.from({ length: 100 }, (_, i) => publication(n + i)),
        )),
      );
    const waiting = async (): Promise<number> => {
      const { rows } = await lock.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where query like 'insert into messages%' and wait_event_type = 'Lock'`,
      );
      return rows[0]!.n;
    };
    await eventually(async () => (await waiting()) === 2, { what: 'both workers are inserting' });
    await victim.kill();
    // A server that doesn't notice the dead client would finish its insert. The heir's is ended, too, and repeated.
    await lock.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'insert into messages%' and wait_event_type = 'Lock'`,
    );
    await lock.query('commit');
    lock.release();
    await eventually(async () => (await count()) >= MESSAGES, { what: 'all are stored', timeoutMs: 30_000 });
    const { rows } = await database.query<{ place: string }>(
      'all',
      `select channel || ' ' || epoch || ':' || seq as place from messages`,
    );
    expect(rows.map(({ place }) => place).toSorted()).toEqual(places.toSorted());
    const uncommitted = async (): Promise<number> =>
      (await broker.log.backlog()).reduce((sum, { entries }) => sum + entries, 0);
    await eventually(async () => (await uncommitted()) === 0, { what: 'the log is empty' });
    expect(await heir.stop()).toBe(0);
  }, 120_000);
});
