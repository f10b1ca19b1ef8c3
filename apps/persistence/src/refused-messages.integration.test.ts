import { type Broker, type ChannelKey, createMemoryBroker, type Publication } from '@carillon/broker';
import {
  type Database,
  insertMessages,
  listDeadLetters,
  migrate,
  openPostgres,
  replayDeadLetter,
} from '@carillon/db';
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
    await repair();
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

  const start = async (patience = { messageMs: 60_000, faultMs: 60_000 }): Promise<void> => {
    service = createPersistence({ telemetry, broker, database, settings: { ...SETTINGS, patience } });
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
  /** Notifications come in order: after message `n` none of earlier messages can come. */
  const allIsTold = async (n: number): Promise<void> => {
    await eventually(isCommitted, { what: 'everything is committed' });
    await publish(message(n));
    await eventually(() => stored.includes(n), { what: 'the last message is told to be stored' });
  };

  /** A trigger that refuses the messages of which `condition` holds. */
  const refuse = async (condition: string, error = 'perform 1 / 0'): Promise<void> => {
    await database.query(
      'a function',
      `create or replace function refuse() returns trigger language plpgsql as $$
       begin if ${condition} then ${error}; end if; return new; end $$`,
    );
    await database.query(
      'a trigger',
      'create or replace trigger refuse before insert on messages for each row execute function refuse()',
    );
  };
  const repair = async (): Promise<void> => {
    await database.query('no trigger', 'drop trigger if exists refuse on messages');
  };
  const notReady = async (): Promise<string> =>
    JSON.stringify((await service!.health.report()).checks.storage);

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

  it('loses nothing to a trigger that refuses everything until it is repaired, and names it', async () => {
    await refuse('true');
    const numbers = Array.from({ length: 120 }, (_, i) => i + 1);
    await publish(...numbers.map((n) => message(n)));
    await start();
    await eventually(async () => (await notReady()).includes('division by zero'), {
      what: 'it is not ready',
    });
    expect((await service!.health.report()).ready).toBe(false);
    expect(await seqsIn('dead_letters')).toEqual([]);
    await repair();
    await eventually(() => stored.length >= 120, { what: 'all are told to be stored' });
    expect(await seqsIn('messages')).toEqual(numbers);
    expect(await seqsIn('dead_letters')).toEqual([]);
    await eventually(async () => (await service!.health.report()).ready, { what: 'it is ready again' });
  });

  it.each([
    ['an exception of its own', `raise exception 'no'`],
    ['no error', 'return null'],
  ])(
    'stores the others while a trigger refuses one message with %s, and that one when it does no more',
    async (_, error) => {
      await refuse(`new.seq = 2`, error);
      await publish(message(1), message(2), message(3));
      await start();
      await eventually(() => stored.length >= 2, { what: 'the others are told to be stored' });
      expect(stored).toEqual([1, 3]);
      expect((await service!.health.report()).ready).toBe(true);
      await repair();
      await eventually(() => stored.length >= 3, { what: 'the refused one is told to be stored' });
      expect(await seqsIn('messages')).toEqual([1, 2, 3]);
      expect(await seqsIn('dead_letters')).toEqual([]);
    },
  );

  it('puts one message aside after its time, and does not say that it is stored', async () => {
    await refuse(`new.seq = 2`);
    await publish(message(1), message(2), message(3));
    await start({ messageMs: 100, faultMs: 60_000 });
    await allIsTold(4);
    expect(stored).toEqual([1, 3, 4]);
    expect(await seqsIn('dead_letters')).toEqual([2]);
  });

  it('gives up a fault after its time: the refused become dead letters at once, the others are stored, and a repair is noticed', async () => {
    await refuse(`new.payload like '%bad%'`);
    const bad = (n: number): Publication =>
      message(n, { record: encodeRecord({ id: `m-${n}`, timestamp: Date.now() }, '"bad"') });
    await publish(bad(1), bad(2), bad(3), bad(4), message(5));
    await start({ messageMs: 300, faultMs: 1000 });
    await eventually(async () => (await seqsIn('dead_letters')).length === 4, { what: 'all are put aside' });
    await publish(bad(6), message(7));
    await allIsTold(8);
    expect(stored).toEqual([5, 7, 8]);
    expect(await seqsIn('dead_letters')).toEqual([1, 2, 3, 4, 6]);
    expect(await notReady()).toContain('dead letters');
    await repair();
    await publish(bad(9));
    await eventually(() => stored.includes(9), { what: 'the next one is told to be stored' });
    await eventually(async () => (await service!.health.report()).ready, { what: 'it is ready again' });
    const letters = await listDeadLetters(database, {}, { limit: 9 });
    const replays = await Promise.all(letters.map(({ id }) => replayDeadLetter(database, id)));
    expect(replays).toEqual(letters.map(() => ({ result: 'stored' })));
  });
});
