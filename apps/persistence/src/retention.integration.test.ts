import { namespacePolicies } from '@carillon/config';
import { type Database, insertMessages, migrate, openPostgres } from '@carillon/db';
import { startPostgres, type TestPostgres } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { quietTelemetry } from './published.suite.ts';
import { createRetention } from './retention.ts';

const HOUR_MS = 3_600_000;

describe('retention', () => {
  let postgres: TestPostgres;
  let database: Database;

  beforeAll(async () => {
    postgres = await startPostgres();
    const options = { url: postgres.url, poolMin: 0, poolMax: 5, connectTimeoutMs: 20_000 };
    const timeouts = { statementTimeoutMs: 20_000, queryTimeoutMs: 25_000, slowQueryMs: 1000 };
    database = openPostgres({ ...options, ...timeouts }, quietTelemetry());
    await migrate(database);
  });
  afterAll(async () => {
    await database.close();
    await postgres.stop();
  });
  beforeEach(() => database.query('empty', 'truncate messages'));
  afterEach(() => vi.useRealTimers());

  const stored = (channel: string, seq: number, ageMs: number, epoch = 'aaaaaaaa0001') => ({
    ...{ app: 'demo', channel, epoch, seq, id: `m${seq}`, header: '{}', payload: '1' },
    publishedAtMs: Date.now() - ageMs,
  });
  const left = async (): Promise<readonly string[]> => {
    const { rows } = await database.query<{ place: string }>(
      'all',
      `select channel || ' ' || epoch || ':' || seq as place from messages order by channel, epoch, seq`,
    );
    return rows.map(({ place }) => place);
  };
  const run = (namespaces: Parameters<typeof namespacePolicies>[0]) =>
    createRetention({ database, policies: namespacePolicies(namespaces), telemetry: quietTelemetry() })(
      new AbortController().signal,
    );

  it('judges ages by the clock of the database, not by that of this machine', async () => {
    await insertMessages(database, [stored('chat:a', 1, 2 * HOUR_MS), stored('chat:a', 2, HOUR_MS / 2)]);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * HOUR_MS });
    await run({ chat: { retentionMs: '1h' } });
    expect(await left()).toEqual(['chat:a aaaaaaaa0001:2']);
  });
});
