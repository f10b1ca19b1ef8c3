import { type Broker, type ChannelKey, createMemoryBroker, type Publication } from '@carillon/broker';
import { type Database, insertMessages, migrate, openPostgres } from '@carillon/db';
import { encodeRecord } from '@carillon/protocol';
import type { Service } from '@carillon/service';
import { prometheusText, type Telemetry } from '@carillon/telemetry';
import { eventually, startPostgres, type TestPostgres } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPersistence } from './persistence.ts';
import { quietTelemetry } from './published.suite.ts';

const CHANNEL: ChannelKey = 'demo/chat:refused';
const SETTINGS = { batchMaxMessages: 50, lingerMs: 1, relaxedLingerMs: 1, claimIdleMs: 200 };

describe('messages that Postgres does not take', () => {
  let postgres: TestPostgres;
  let database: Database;
  let broker: Broker;
  let telemetry: Telemetry;
  let service: Service | undefined;
  let stored: number[];
  let epoch: string;

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
    const feed = broker.feed('g1');
    await feed.start({
      onMessage: () => undefined,
      onStored: (_channel, _epoch, seq) => stored.push(seq),
      onBatchEnd: () => undefined,
      onInterestLost: () => undefined,
      onDataLost: () => undefined,
      onConnection: () => undefined,
    });
    const [position] = await feed.subscribe([CHANNEL]);
    epoch = position!.epoch;
    telemetry = quietTelemetry();
  });

  afterEach(async () => {
    await service?.stop();
    service = undefined;
    await broker.stop();
  });

  const start = async (): Promise<void> => {
    service = createPersistence({ telemetry, broker, database, settings: SETTINGS });
    await service.start();
  };
  const message = (n: number, given: Partial<Publication> = {}): Publication => {
    const id = `m-${n}`;
    const record = encodeRecord({ id, timestamp: Date.now() }, `{"n":${n}}`);
    const keeping = { history: undefined, durable: true };
    return { channel: CHANNEL, id, record, keeping, storedTo: 'g1', ...given };
  };
  const publish = async (...publications: readonly Publication[]): Promise<void> => {
    const outcomes = await broker.publisher.publish(publications);
    for (const outcome of outcomes) if (outcome.status === 'refused') throw outcome.error;
  };
  const seqsIn = async (table: 'messages' | 'dead_letters'): Promise<readonly number[]> => {
    const { rows } = await database.query<{ seq: number }>(
      'all',
      `select seq::int as seq from ${table} order by seq`,
    );
    return rows.map(({ seq }) => seq);
  };
  const isCommitted = async (): Promise<boolean> =>
    (await broker.log.backlog()).every(({ entries }) => entries === 0);
  /** What is told comes in order: nothing more comes of the messages before this one. */
  const allIsTold = async (n: number): Promise<void> => {
    await eventually(isCommitted, { what: 'everything is committed' });
    await publish(message(n));
    await eventually(() => stored.includes(n), { what: 'the last message is told to be stored' });
  };

  it('never takes another message at the same position for a repeat', async () => {
    const place = { app: 'demo', channel: 'chat:refused', epoch, seq: 2 };
    await insertMessages(database, [
      { ...place, id: 'lost', publishedAtMs: 1, header: '{"id":"lost","timestamp":1}', payload: '1' },
    ]);
    await publish(message(1), message(2), message(3));
    await start();
    await allIsTold(4);
    expect(stored).toEqual([1, 3, 4]);
    expect(await seqsIn('messages')).toEqual([1, 2, 3, 4]);
    const letters = await database.query('letters', 'select seq::int as seq, reason from dead_letters');
    expect(letters.rows).toEqual([{ seq: 2, reason: 'another message has this position' }]);
    expect(prometheusText(telemetry.metrics)).toContain(
      'carillon_persistence_failures_total{kind="position-taken"} 1',
    );
  });

  it('answers a repeat that asks for `stored` by its id, not by its position', async () => {
    const place = { app: 'demo', channel: 'chat:refused', epoch, seq: 1 };
    await insertMessages(database, [
      { ...place, id: 'lost', publishedAtMs: 1, header: '{"id":"lost","timestamp":1}', payload: '1' },
    ]);
    const dedupe = { kind: 'key', key: 'k', ttlMs: 60_000, fingerprint: 1 } as const;
    await publish(message(1, { dedupe, storedTo: undefined }), message(1, { dedupe }), message(2));
    await start();
    for (const n of [2, 3]) {
      if (n === 3) await publish(message(3));
      await eventually(() => stored.includes(n), { what: `message ${n} is told to be stored` });
    }
    expect(stored).toEqual([2, 3]);
  });
});
