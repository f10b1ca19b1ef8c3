import { type Broker, type ChannelKey, createMemoryBroker } from '@carillon/broker';
import { namespacePolicies } from '@carillon/config';
import { type Database, insertMessages, migrate, openPostgres } from '@carillon/db';
import { createQueues } from '@carillon/jobs';
import type { Service } from '@carillon/service';
import { eventually, startPostgres, type TestPostgres } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPersistence } from './persistence.ts';
import { publication, publish, quietTelemetry } from './published.suite.ts';

const SETTINGS = { batchMaxMessages: 50, lingerMs: 1, relaxedLingerMs: 1, claimIdleMs: 200 };

describe('persistence', () => {
  let postgres: TestPostgres;
  let database: Database;
  let broker: Broker;
  let service: Service;
  let stored: string[];

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

  beforeEach(async () => {
    await database.query('empty', 'truncate messages, dead_letters');
    broker = createMemoryBroker({ partitions: 4 });
    await broker.start();
    stored = [];
    await broker.feed('g1').start({
      onMessage: () => undefined,
      onStored: (channel, epoch, seq) => stored.push(`${channel.slice('demo/'.length)} ${epoch}:${seq}`),
      onBatchEnd: () => undefined,
      onInterestLost: () => undefined,
      onDataLost: () => undefined,
      onConnection: () => undefined,
    });
    service = createPersistence({
      telemetry: quietTelemetry(),
      broker,
      database,
      settings: SETTINGS,
      retention: {
        jobs: { kind: 'postgres', connection: { connectionString: postgres.url }, schema: 'carillon_jobs' },
      },
      namespaces: namespacePolicies({ chat: { retentionMs: '1h' }, news: { durable: false } }),
    });
    await service.start();
  });

  afterEach(async () => {
    await service.stop();
    await broker.stop();
  });

  const inPostgres = async (): Promise<readonly string[]> => {
    const { rows } = await database.query<{ place: string }>(
      'all',
      `select channel || ' ' || epoch || ':' || seq as place from messages order by channel, epoch, seq`,
    );
    return rows.map(({ place }) => place);
  };
  const uncommitted = async (): Promise<number> =>
    (await broker.log.backlog()).reduce((sum, { entries }) => sum + entries, 0);

  it('stores what was published, and tells the gateway after the commit', async () => {
    const places = await publish(
      broker,
      Array.from({ length: 200 }, (_, n) => publication(n, undefined, 'g1')),
    );
    await eventually(() => stored.length === 200, { what: 'all are told to be stored' });
    expect(await inPostgres()).toHaveLength(200);
    expect(stored.toSorted()).toEqual(places.toSorted());
    expect(await uncommitted()).toBe(0);
  });

  it('puts poison aside without holding up the others, and does not say that it is stored', async () => {
    const poison = [publication(3, '"\0"', 'g1'), { ...publication(4, '1', 'g1'), record: 'no header' }];
    const good = Array.from({ length: 20 }, (_, n) => publication(n + 10, undefined, 'g1'));
    const places = await publish(broker, [good[0]!, ...poison, ...good.slice(1)]);
    // Poison is found in many small transactions.
    await eventually(async () => (await uncommitted()) === 0, {
      what: 'everything is committed',
      timeoutMs: 40_000,
    });
    // Notifications come in order: after the one of this message no earlier one can come.
    const [last] = await publish(broker, [publication(100, undefined, 'g1')]);
    await eventually(() => stored.includes(last!), { what: 'a last one is told to be stored' });
    const bad = new Set([places[1], places[2]]);
    const expected = [...places.filter((place) => !bad.has(place)), last].toSorted();
    expect((await inPostgres()).toSorted()).toEqual(expected);
    expect(stored.toSorted()).toEqual(expected);
    const { rows } = await database.query('letters', 'select reason from dead_letters order by channel');
    expect(rows).toHaveLength(2);
  });

  it('outlives an outage of Postgres: alive, not ready, and nothing is lost', async () => {
    await postgres.kill();
    const places = await publish(
      broker,
      Array.from({ length: 120 }, (_, n) => publication(n, undefined, 'g1')),
    );
    await eventually(async () => !(await service.health.report()).ready, { what: 'it is not ready' });
    expect((await service.health.liveness()).live).toBe(true);
    expect(stored).toEqual([]);
    await postgres.restart();
    await eventually(() => stored.length >= 120, { what: 'all are stored' });
    const notReady = async (): Promise<string> => {
      const { ready, checks } = await service.health.report();
      return ready ? '' : JSON.stringify(Object.entries(checks).filter(([, { ok }]) => !ok));
    };
    await expect.poll(notReady, { timeout: 20_000 }).toBe('');
    expect((await inPostgres()).toSorted()).toEqual(places.toSorted());
  });

  it('answers for stored history, bounded', async () => {
    const channel: ChannelKey = 'demo/chat:cold';
    const long = JSON.stringify('x'.repeat(4000));
    await publish(
      broker,
      Array.from({ length: 300 }, (_, n) => ({ ...publication(n, n < 250 ? '1' : long), channel })),
    );
    await eventually(async () => (await uncommitted()) === 0, { what: 'everything is committed' });
    const ask = (query: object) =>
      broker.cold.ask(
        'g1',
        { channel, limit: 1000, position: undefined, kind: 'after', ...query } as never,
        20_000,
      );
    const first = await ask({});
    expect(first.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    const { epoch } = first[0]!;
    expect((await ask({ kind: 'before', limit: 2 })).map(({ seq }) => seq)).toEqual([300, 299]);
    expect((await ask({ kind: 'range', epoch, from: 249, to: 251 })).map(({ seq }) => seq)).toEqual([
      249, 250, 251,
    ]);
    expect(await ask({ position: { epoch, seq: 300 } })).toEqual([]);
  });

  it('deletes by the policies of the namespaces, on demand', async () => {
    const stored = (channel: string, ageMs: number, seq: number) => {
      const position = { app: 'demo', channel, epoch: 'aaaaaaaa0001', seq };
      return { ...position, id: `m${seq}`, publishedAtMs: Date.now() - ageMs, header: '{}', payload: '1' };
    };
    const hour = 3_600_000;
    await insertMessages(database, [
      ...Array.from({ length: 1500 }, (_, n) => stored('chat:a', 2 * hour, n + 1)),
      stored('chat:b', hour / 2, 1),
      stored('plain', 2 * hour, 1),
      stored('plain', 8 * 24 * hour, 2),
      stored('other:x', 8 * 24 * hour, 1),
      stored('news:x', 24 * hour, 1),
    ]);
    const backend = {
      kind: 'postgres',
      connection: { connectionString: postgres.url },
      schema: 'carillon_jobs',
    } as const;
    const queues = createQueues({ backend, telemetry: quietTelemetry() });
    await queues.start();
    const id = await queues.enqueue('retention', { cause: 'request' });
    await eventually(async () => (await queues.find('retention', id))?.state === 'completed', {
      what: 'the job is done',
    });
    await queues.stop();
    expect(await inPostgres()).toEqual([
      'chat:b aaaaaaaa0001:1',
      'news:x aaaaaaaa0001:1',
      'plain aaaaaaaa0001:1',
    ]);
  });
});
