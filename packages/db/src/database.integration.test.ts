import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type TestPostgres } from '@carillon/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deleteExpiredCursors, findCursor, storeCursors } from './ack-cursors.ts';
import { message, quietTelemetry } from './database.suite.ts';
import type { Database } from './database.ts';
import { DatabaseError } from './database-error.ts';
import { listDeadLetters, replayDeadLetter } from './dead-letters.ts';
import { idsStoredAt, insertDeadLetter, insertMessages, messageExists } from './message-store.ts';
import { migrate, pendingMigrations } from './migrate.ts';
import { openPglite } from './open-pglite.ts';
import { openPostgres } from './open-postgres.ts';
import { makePgliteTemplate } from './pglite-template.ts';
import { announceReplayed, readReplayed } from './replayed-messages.ts';
import { deleteExpired, deleteExpiredDeadLetters, storedNamespaces } from './retention.ts';
import {
  addSchedule,
  cancelSchedule,
  claimDueSchedules,
  finishSchedules,
  listSchedules,
  type NewSchedule,
  nextDueInMs,
} from './scheduled-messages.ts';
import { readAfter, readBefore, readRange } from './stored-history.ts';
import { claimDeliveries, failDelivery, releaseDelivery, removeDelivery } from './webhook-deliveries.ts';

const LOBBY = { app: 'demo', channel: 'chat:lobby' };
let postgres: TestPostgres | undefined;

const connect = (statementTimeoutMs: number): Database =>
  openPostgres(
    {
      url: postgres!.url,
      poolMin: 1,
      poolMax: 5,
      connectTimeoutMs: 20_000,
      statementTimeoutMs,
      queryTimeoutMs: 30_000,
      slowQueryMs: 500,
    },
    quietTelemetry(),
  );

const openServer = async (): Promise<Database> => {
  postgres = await startPostgres();
  return connect(20_000);
};
/** For statements that are to take too long. */
async function withImpatient(use: (database: Database) => Promise<unknown>): Promise<void> {
  const impatient = connect(500);
  await use(impatient).finally(() => impatient.close());
}
const openInProcess = async (): Promise<Database> =>
  (await openPglite({ dataDir: undefined }, quietTelemetry())).database;

describe.each([
  ['Postgres', openServer],
  ['PGlite', openInProcess],
] as const)('%s', (kind, open) => {
  let database: Database;

  beforeAll(async () => {
    database = await open();
    const names = [
      '0001_messages',
      '0002_scheduled_messages',
      '0003_webhook_deliveries',
      '0004_replayed_messages',
      '0005_dead_letters_by_content',
      '0006_ack_cursors',
    ];
    expect(await pendingMigrations(database)).toEqual(names);
    const applied = await Promise.all([migrate(database), migrate(database), migrate(database)]);
    expect(applied.flat()).toEqual(names);
    expect(await pendingMigrations(database)).toEqual([]);
  });

  afterAll(async () => {
    await database.close();
    await postgres?.stop();
    postgres = undefined;
  });

  beforeEach(async () => {
    await database.query('empty', 'truncate messages, dead_letters, scheduled_messages, webhook_deliveries');
  });

  it('stores a batch once, however often it comes', async () => {
    const batch = [message(1), message(2), message(3)];
    expect(await insertMessages(database, batch)).toBe(3);
    expect(await insertMessages(database, [...batch, message(4), message(4)])).toBe(1);
    const { rows } = await database.query<{ channel: string; payload: string }>(
      'all',
      'select channel, payload from messages order by seq',
    );
    expect(rows).toHaveLength(4);
    expect(rows[0]).toEqual({ channel: 'chat:lobby', payload: '{"n": 1 }' });
    expect(await messageExists(database, 'demo', 'm-3')).toBe(true);
    expect(await messageExists(database, 'demo', 'm-9')).toBe(false);
    expect(await idsStoredAt(database, [message(1), message(9), message(4)])).toEqual([
      'm-1',
      undefined,
      'm-4',
    ]);
  });

  it('gives payloads back byte for byte', async () => {
    const payload = `{ "a":1.0,"a" : "\\u0000 \\ud83d\\ude00 😀 'x' \\\\ {,}\\"" ,\n"n":1e400}`;
    await insertMessages(database, [message(1, { payload })]);
    const [entry] = await readAfter(database, LOBBY, undefined, { limit: 1 });
    expect(entry).toEqual({ epoch: 'aaaaaaaa0001', seq: 1, record: `${message(1).header}\n${payload}` });
  });

  it('says of refused data that it is poison, and stores nothing of the batch', async () => {
    const batch = [message(1), message(2, { payload: '"\0"' })];
    await expect(insertMessages(database, batch)).rejects.toMatchObject({ kind: 'poison', retryable: false });
    await expect(insertMessages(database, [message(3, { publishedAtMs: 1e300 })])).rejects.toMatchObject({
      kind: 'poison',
    });
    expect(await idsStoredAt(database, batch)).toEqual([undefined, undefined]);
    const letter = { ...LOBBY, epoch: 'e', seq: 2, record: '{}\n"\0"', reason: 'NUL \0' };
    expect(await insertDeadLetter(database, letter)).toBe(true);
    expect(await insertDeadLetter(database, letter)).toBe(false);
    const { rows } = await database.query<{ record: Buffer }>('letters', 'select record from dead_letters');
    expect(rows.map(({ record }) => record.toString())).toEqual(['{}\n"\0"']);
    expect(await deleteExpiredDeadLetters(database, { olderThanMs: -60_000, chunk: 10 })).toBe(1);
  });

  it('reads over epochs in both directions', async () => {
    const old = { epoch: 'aaaaaaaa0000' };
    await insertMessages(database, [message(1), message(2), message(7, old), message(8, old), message(10)]);
    await insertMessages(database, [message(1, { channel: 'chat:other' })]);
    const at = (entries: readonly { epoch: string; seq: number }[]) =>
      entries.map(({ epoch, seq }) => `${epoch.slice(-1)}:${seq}`);
    const all = ['0:7', '0:8', '1:1', '1:2', '1:10'];
    expect(at(await readAfter(database, LOBBY, undefined, { limit: 9 }))).toEqual(all);
    expect(at(await readAfter(database, LOBBY, { ...old, seq: 7 }, { limit: 2 }))).toEqual(['0:8', '1:1']);
    expect(at(await readBefore(database, LOBBY, undefined, { limit: 9 }))).toEqual(all.toReversed());
    expect(at(await readBefore(database, LOBBY, { ...old, seq: 8 }, { limit: 9 }))).toEqual(['0:7']);
    const range = { epoch: 'aaaaaaaa0001', from: 2, to: 10, limit: 9 };
    expect(at(await readRange(database, LOBBY, range))).toEqual(['1:2', '1:10']);
  });

  it('bounds an answer by bytes, and never makes it empty', async () => {
    const payload = JSON.stringify('x'.repeat(1000));
    await insertMessages(
      database,
      [1, 2, 3, 4].map((seq) => message(seq, { payload })),
    );
    const seqs = async (maxBytes: number) =>
      (await readAfter(database, LOBBY, undefined, { limit: 4, maxBytes })).map(({ seq }) => seq);
    expect(await seqs(10)).toEqual([1]);
    expect(await seqs(2000)).toEqual([1, 2]);
    expect(await seqs(1_000_000)).toEqual([1, 2, 3, 4]);
  });

  it('deletes by namespace and age, in chunks', async () => {
    await insertMessages(database, [
      ...[150, 90, 30].map((ageS, i) => message(i + 1, { publishedAtMs: Date.now() - ageS * 1000 })),
      ...[1, 2].map((seq) => message(seq, { channel: 'plain' })),
      message(1, { channel: ':odd' }),
      message(1, { channel: 'news:today' }),
    ]);
    expect(await storedNamespaces(database)).toEqual(['', 'chat', 'news']);
    const olderThanMs = 60_000;
    expect(await deleteExpired(database, { namespace: 'chat', olderThanMs, chunk: 1 })).toBe(1);
    expect(await deleteExpired(database, { namespace: 'chat', olderThanMs, chunk: 9 })).toBe(1);
    expect(await deleteExpired(database, { namespace: 'chat', olderThanMs, chunk: 9 })).toBe(0);
    expect(await deleteExpired(database, { namespace: '', olderThanMs, chunk: 9 })).toBe(3);
    expect(await storedNamespaces(database)).toEqual(['chat', 'news']);
  });

  it('serves statements beside a transaction', async () => {
    const client = await database.pool.connect();
    await client.query('begin');
    const beside = Promise.all([1, 2, 3].map((n) => database.query('beside', 'select $1::int as n', [n])));
    await client.query(`insert into messages (app, channel, epoch, seq, id, published_at, header, payload)
      values ('demo', 'chat:lobby', 'e', 1, 'x', now(), '{}', '1')`);
    await client.query('rollback');
    client.release();
    expect((await beside).map(({ rows }) => rows[0])).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await messageExists(database, 'demo', 'x')).toBe(false);
  });

  it('keeps scheduled messages: taken once, cancelled only before, in the order in which they are due', async () => {
    const limits = { maxAheadMs: 60_000, maxPerApp: 4 };
    const add = (id: string, given: Partial<NewSchedule> = {}) =>
      addSchedule(
        database,
        {
          id,
          app: 'demo',
          channel: 'chat:lobby',
          owner: 'ada',
          idempotencyKey: undefined,
          requestHash: 'h',
          event: undefined,
          trace: undefined,
          payload: '1',
          deliverAtMs: undefined,
          delayMs: 0,
          ...given,
        },
        limits,
      );
    expect(await nextDueInMs(database)).toBeUndefined();
    expect(await add('s-1', { idempotencyKey: 'k' })).toMatchObject({ outcome: 'added', row: { id: 's-1' } });
    expect(await add('s-9', { idempotencyKey: 'k' })).toMatchObject({
      outcome: 'repeated',
      row: { id: 's-1' },
    });
    expect(await add('s-1')).toMatchObject({ outcome: 'repeated' });
    expect(await add('s-x', { deliverAtMs: Date.now() - 1000, delayMs: undefined })).toEqual({
      outcome: 'past',
    });
    expect(await add('s-x', { delayMs: 61_000 })).toEqual({ outcome: 'too-far' });
    for (const id of ['s-2', 's-3']) expect(await add(id)).toMatchObject({ outcome: 'added' });
    expect(await add('s-4', { delayMs: 50_000 })).toMatchObject({ outcome: 'added' });
    expect(await add('s-5')).toEqual({ outcome: 'full' });
    expect(await cancelSchedule(database, 'demo', 's-3')).toMatchObject({ state: 'cancelled' });
    expect(await cancelSchedule(database, 'other', 's-2')).toBeUndefined();
    const claims = await Promise.all(
      [1, 2, 3].map(() => claimDueSchedules(database, { limit: 1, leaseMs: 60_000 })),
    );
    expect(
      claims
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(['s-1', 's-2']);
    expect(await cancelSchedule(database, 'demo', 's-2')).toMatchObject({ state: 'publishing' });
    await finishSchedules(database, [
      { id: 's-1', result: 'published', epoch: 'e', seq: 7 },
      { id: 's-2', result: 'retry', error: 'UNAVAILABLE', delayMs: 0 },
    ]);
    const [again] = await claimDueSchedules(database, { limit: 9, leaseMs: 60_000 });
    expect(again).toMatchObject({ id: 's-2', attempts: 2, payload: '1' });
    const listed = await listSchedules(database, { app: 'demo', limit: 2 });
    const rest = await listSchedules(database, { app: 'demo', limit: 9, after: listed.at(-1) });
    const countOf = async (...allowed: string[]): Promise<number> =>
      (await listSchedules(database, { app: 'demo', limit: 9, allowed })).length;
    const [{ channel }] = listed as [(typeof listed)[0]];
    expect(await countOf(channel)).toBeGreaterThan(0);
    expect(await countOf(`${channel.slice(0, 1)}*${channel.slice(-1)}`)).toBe(await countOf(channel));
    expect(await countOf('*', 'another')).toBe(4);
    expect(await countOf()).toBe(0);
    // In a pattern of capabilities these are ordinary characters.
    expect(await countOf('_'.repeat(channel.length), '%', `${channel}\\`)).toBe(0);
    const states = [...listed, ...rest].map(({ id, state, seq }) => `${id} ${state} ${seq}`);
    expect(states).toEqual([
      's-1 published 7',
      's-2 publishing null',
      's-3 cancelled null',
      's-4 pending null',
    ]);
  });

  it('queues deliveries once with their message, and gives them out in order', async () => {
    const delivery = (seq: number, given: object = {}) => ({
      ...LOBBY,
      epoch: 'aaaaaaaa0001',
      seq,
      id: `d-${seq}`,
      endpoint: 'e',
      event: 'message.published',
      messageId: `m-${seq}`,
      body: '{}',
      ...given,
    });
    const both = [delivery(1), delivery(2), delivery(1, { endpoint: 'f', id: 'd-f' })];
    expect(await insertMessages(database, [message(1), message(2)], both)).toBe(2);
    expect(await insertMessages(database, [message(1), message(2)], both)).toBe(0);
    await expect(
      insertMessages(database, [message(3)], [delivery(3, { body: '"\0"' })]),
    ).rejects.toMatchObject({ kind: 'poison' });
    expect(await messageExists(database, 'demo', 'm-3')).toBe(false);
    const ordered = { endpoint: 'e', limit: 9, leaseMs: 60_000, orderedAfterMs: 60_000 };
    const claims = await Promise.all([1, 2].map(() => claimDeliveries(database, ordered)));
    expect(claims.flat().map(({ id }) => id)).toEqual(['d-1']);
    await releaseDelivery(database, 'd-1');
    expect((await claimDeliveries(database, ordered)).map(({ id }) => id)).toEqual(['d-1']);
    await failDelivery(database, { id: 'd-1', reason: 'no', retryInMs: undefined });
    expect((await claimDeliveries(database, ordered)).map(({ id }) => id)).toEqual(['d-2']);
    await removeDelivery(database, 'd-2');
    expect((await claimDeliveries(database, { ...ordered, orderedAfterMs: undefined })).length).toBe(0);
    const letters = await listDeadLetters(database, { endpoint: 'e' }, { limit: 9 });
    expect(letters).toMatchObject([{ id: 'd-1', kind: 'webhook', reason: 'no', attempts: 1 }]);
    expect(await replayDeadLetter(database, 'd-1')).toEqual({ result: 'queued' });
    expect((await claimDeliveries(database, ordered)).map(({ id }) => id)).toEqual(['d-1']);
    expect((await claimDeliveries(database, { ...ordered, endpoint: 'f' })).map(({ id }) => id)).toEqual([
      'd-f',
    ]);
  });

  it('tells of the message that has the position, not of the one that came too late', async () => {
    const told = (id: string) => ({
      ...LOBBY,
      epoch: 'aaaaaaaa0001',
      seq: 1,
      id: 'd-1',
      endpoint: 'twice',
      event: 'message.published',
      messageId: id,
      body: `"${id}"`,
    });
    const batch = [message(1), message(1, { id: 'other' })];
    expect(await insertMessages(database, batch, [told('other')])).toBe(1);
    const due = await claimDeliveries(database, { endpoint: 'twice', limit: 9, leaseMs: 1000 });
    expect(due).toEqual([]);
  });

  it('keeps each dead letter of a position, and stores none of them in the place of another message', async () => {
    const place = { ...LOBBY, epoch: 'aaaaaaaa0001', seq: 1 };
    const records = ['m-1', 'n-1', 'o-1'].map((id) => `{"id":"${id}","timestamp":1}\n1`);
    for (const record of records) await insertDeadLetter(database, { ...place, record, reason: 'refused' });
    const letters = await listDeadLetters(database, { kind: 'message' }, { limit: 9 });
    expect(letters).toHaveLength(3);
    await insertMessages(database, [message(1)]);
    const results = await Promise.all(letters.map(({ id }) => replayDeadLetter(database, id)));
    const refused = { result: 'refused', reason: 'another message has this position' };
    expect(results.toSorted((a, b) => (a.result < b.result ? -1 : 1))).toEqual([
      refused,
      refused,
      { result: 'stored' },
    ]);
    expect(await listDeadLetters(database, { kind: 'message' }, { limit: 9 })).toHaveLength(2);
    expect(await idsStoredAt(database, [message(1)])).toEqual(['m-1']);
    const expired = { olderThanMs: -60_000, chunk: 1 };
    expect(await deleteExpiredDeadLetters(database, expired)).toBe(1);
    expect(await deleteExpiredDeadLetters(database, expired)).toBe(1);
  });

  it('[D8] moves cursors forward only, and forgets those of a channel together', async () => {
    await database.query('empty', 'truncate ack_cursors');
    const cursor = (consumer: string, epoch: string, seq: number, ageMs: number, channel = 'chat:lobby') => {
      return { app: 'demo', channel, consumer, epoch, seq, atMs: Date.now() - ageMs };
    };
    const where = (consumer: string) => findCursor(database, { ...LOBBY, consumer });
    await storeCursors(database, [cursor('a', 'e1', 9, 900_000), cursor('b', 'e1', 1, 800_000)]);
    await storeCursors(database, [cursor('a', 'e1', 8, 300_000), cursor('b', 'e1', 2, 300_000)]);
    expect([await where('a'), await where('b')]).toEqual([
      { epoch: 'e1', seq: 9 },
      { epoch: 'e1', seq: 2 },
    ]);
    await storeCursors(database, [
      cursor('a', 'e2', 1, 850_000),
      cursor('c', 'e2', 1, 900_000, 'chat:other'),
    ]);
    await storeCursors(database, [cursor('a', 'e1', 99, 0)]);
    expect(await where('a')).toEqual({ epoch: 'e2', seq: 1 });
    expect(await where('nobody')).toBeUndefined();
    expect(await deleteExpiredCursors(database, { olderThanMs: 600_000, chunk: 9 })).toBe(1);
    expect(await where('a')).toEqual({ epoch: 'e2', seq: 1 });
    expect(await deleteExpiredCursors(database, { olderThanMs: 200_000, chunk: 1 })).toBe(1);
    expect(await deleteExpiredCursors(database, { olderThanMs: 200_000, chunk: 9 })).toBe(1);
    expect(await where('a')).toBeUndefined();
  });

  it('[D11] has a replayed message told once, whoever reads of it', async () => {
    const place = { ...LOBBY, epoch: 'aaaaaaaa0009', seq: 1 };
    const record = '{"id":"replayed","timestamp":1}\n{"big": 12345678901234567890}';
    await insertDeadLetter(database, { ...place, record, reason: 'it was refused' });
    const [letter] = await listDeadLetters(database, { kind: 'message' }, { limit: 1 });
    const replays = await Promise.all([1, 2].map(() => replayDeadLetter(database, letter!.id)));
    expect(replays.map(({ result }) => result).toSorted()).toEqual(['gone', 'stored']);
    const readers = await Promise.all([1, 2].map(() => readReplayed(database, 9)));
    expect(readers[0]).toEqual([
      {
        ...place,
        id: 'replayed',
        publishedAtMs: 1,
        header: '{"id":"replayed","timestamp":1}',
        payload: '{"big": 12345678901234567890}',
      },
    ]);
    const told = {
      ...place,
      id: 'd-replayed',
      messageId: 'replayed',
      endpoint: 'r',
      event: 'message.published',
      body: '{}',
    };
    await announceReplayed(database, readers[0]!, [told]);
    await removeDelivery(database, 'd-replayed'); // delivered, before the second reader comes
    await announceReplayed(database, readers[1]!, [told]);
    const due = { endpoint: 'r', limit: 9, leaseMs: 1000 };
    expect(await claimDeliveries(database, due)).toEqual([]);
    expect(await readReplayed(database, 9)).toEqual([]);
  });

  it('refuses migrations that were changed after they had been applied', async () => {
    const changed = [{ name: '0001_messages', sql: 'select 1', checksum: 'other' }];
    await expect(migrate(database, changed)).rejects.toMatchObject({ code: 'MIGRATION_CHANGED' });
    const failing = [
      { name: '0002_broken', sql: 'create table half (n int);\nselect nothing', checksum: 'x' },
    ];
    await expect(migrate(database, failing)).rejects.toBeInstanceOf(DatabaseError);
    const { rows } = await database.query<{ half: unknown }>('half', `select to_regclass('half') as half`);
    expect(rows).toEqual([{ half: null }]);
  });

  it.runIf(kind === 'Postgres')('keeps a dead letter when its message can not be stored now', async () => {
    const place = { ...LOBBY, epoch: 'aaaaaaaa000a', seq: 1 };
    const record = '{"id":"patient","timestamp":1}\n1';
    await insertDeadLetter(database, { ...place, record, reason: 'it was refused' });
    const [letter] = await listDeadLetters(database, { kind: 'message' }, { limit: 1 });
    const client = await database.pool.connect();
    await client.query('begin');
    await client.query('lock table messages in access exclusive mode');
    await withImpatient((impatient) =>
      expect(replayDeadLetter(impatient, letter!.id)).rejects.toMatchObject({ kind: 'retryable' }),
    );
    await client.query('rollback');
    client.release();
    expect(await replayDeadLetter(database, letter!.id)).toEqual({ result: 'stored' });
  });

  it.runIf(kind === 'Postgres')('ends statements that run too long, and outlives the server', async () => {
    await withImpatient((impatient) =>
      expect(impatient.query('sleep', 'select pg_sleep(60)')).rejects.toMatchObject({
        kind: 'retryable',
        sqlState: '57014',
      }),
    );
    await postgres!.kill();
    await expect(database.ping()).rejects.toMatchObject({ kind: 'retryable', retryable: true });
    await postgres!.restart();
    await database.ping();
  });
});

describe('the template of PGlite', () => {
  it('gives a new folder a database of its own, which is there after a restart', async () => {
    await makePgliteTemplate();
    const folder = await mkdtemp(join(tmpdir(), 'carillon-pglite-'));
    for (const expected of [[], ['m-1']]) {
      const { database } = await openPglite({ dataDir: join(folder, 'data') }, quietTelemetry());
      await migrate(database);
      const entries = await readAfter(database, LOBBY, undefined, { limit: 9 });
      expect(entries.map(({ record }) => JSON.parse(record.split('\n')[0]!).id)).toEqual(expected);
      await insertMessages(database, [message(1)]);
      await database.close();
    }
    await rm(folder, { recursive: true });
  });
});
