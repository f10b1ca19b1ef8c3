/** D11: what is told to webhooks of messages that were dead letters, and how many deliveries may wait. */
import { type Database, listDeadLetters, replayDeadLetter } from '@carillon/db';
import { createTelemetry, prometheusText } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { publication, publish } from '../published.suite.ts';
import { WebhookStage } from './webhook-stage.suite.ts';

let stage: WebhookStage;
beforeAll(async () => {
  stage = await WebhookStage.open();
});
afterAll(() => stage.close());
beforeEach(() => stage.begin());
afterEach(() => stage.end());

describe('a message that was a dead letter', () => {
  const refuse = (database: Database) =>
    database.query(
      'refuse',
      `alter table messages add constraint refused check (payload <> '"bad"') not valid`,
    );
  const allow = (database: Database) =>
    database.query('allow', 'alter table messages drop constraint if exists refused');
  afterEach(() => allow(stage.database));

  it('[D11] is told to webhooks once it is stored, once by however many workers', async () => {
    const { database } = stage;
    const { url, received } = await stage.receiver();
    for (let worker = 0; worker < 3; worker++) await stage.start([{ url, ordered: true }]);
    await refuse(database);
    const bad = Array.from({ length: 20 }, (_, i) => publication(i, '"bad"'));
    await publish(stage.broker, bad);
    await eventually(async () => (await stage.count('dead_letters')) === 20, {
      what: 'they are put aside',
      timeoutMs: 40_000,
    });
    await publish(stage.broker, [publication(1000, '"good"')]);
    await eventually(() => received.length === 1, { what: 'another one is delivered' });
    const letters = await listDeadLetters(database, {}, { limit: 100 });
    expect(await replayDeadLetter(database, letters[0]!.id)).toMatchObject({ result: 'refused' });
    await allow(database);
    for (const { id } of letters) expect(await replayDeadLetter(database, id)).toEqual({ result: 'stored' });
    expect(await replayDeadLetter(database, letters[0]!.id)).toEqual({ result: 'gone' });
    await eventually(() => received.length >= 21, { what: 'they are delivered' });
    await stage.settled();
    expect(await stage.count('replayed_messages')).toBe(0);
    const places = received.map(({ channel, seq }) => `${channel} ${seq}`);
    expect(new Set(places).size).toBe(21);
    expect(received).toHaveLength(21);
  });

  it('is not kept for endpoints that come later', async () => {
    const { database } = stage;
    const service = await stage.start([]);
    await refuse(database);
    await publish(stage.broker, [publication(1, '"bad"')]);
    await eventually(async () => (await stage.count('dead_letters')) === 1, { what: 'it is put aside' });
    await allow(database);
    const [letter] = await listDeadLetters(database, {}, { limit: 1 });
    await replayDeadLetter(database, letter!.id);
    await eventually(async () => (await stage.count('replayed_messages')) === 0, { what: 'nobody wants it' });
    await service.stop();
    expect([await stage.count('messages'), await stage.count('webhook_deliveries')]).toEqual([1, 0]);
  });
});

it('[D11] keeps at most maxPending deliveries waiting for an endpoint: the oldest become dead letters', async () => {
  const { database } = stage;
  const lines: string[] = [];
  const telemetry = createTelemetry({
    service: 'persistence',
    instanceId: 'bounded',
    version: '0',
    levels: { level: 'error', modules: {} },
    format: 'json',
    stream: { write: (line) => lines.push(line) },
    processMetrics: false,
  });
  const { url } = await stage.receiver((_, response) => response.writeHead(503).end());
  const ill = { url, attempts: 100, backoffMs: '10m', maxBackoffMs: '1h' } as const;
  const first = await stage.start([ill]);
  await publish(
    stage.broker,
    Array.from({ length: 2500 }, (_, i) => publication(i)),
  );
  await eventually(async () => (await stage.count('webhook_deliveries')) === 2500, {
    what: 'they wait',
  });
  await first.stop();
  await stage.start([{ ...ill, maxPending: 300 }], telemetry);
  const waiting = async () =>
    (
      await database.query<{ n: number; oldest: number; newest_dead: number }>(
        'look',
        `select count(*) filter (where state = 'pending')::int as n,
           min(extract(epoch from queued_at)) filter (where state = 'pending')::float8 as oldest,
           max(extract(epoch from queued_at)) filter (where state = 'dead')::float8 as newest_dead
         from webhook_deliveries`,
      )
    ).rows[0]!;
  await eventually(async () => (await waiting()).n === 300, { what: 'there are 300' });
  const { oldest, newest_dead } = await waiting();
  expect(newest_dead).toBeLessThanOrEqual(oldest);
  const letters = await listDeadLetters(database, { kind: 'webhook' }, { limit: 1 });
  expect(letters[0]!.reason).toMatch(/^more than 300 deliveries waited, and this was one of the oldest/);
  // Counted and told after the statement that made them dead.
  const counted = /carillon_webhook_deliveries_total\{endpoint="e0",result="dead"\} 2200/;
  await eventually(() => counted.test(prometheusText(telemetry.metrics)), { what: 'they are counted' });
  expect(lines.join('')).toContain('the oldest are dead');
});
