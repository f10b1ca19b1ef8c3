/** D10: scheduled messages are published exactly once, whatever is killed. */
import { mintToken } from '@carillon/server';
import { eventually } from '@carillon/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, JWT_SECRET, startCluster } from './cluster.ts';

const DAY_MS = 86_400_000;
const MAX_PER_APP = 400;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & {
    readonly id: string;
    readonly state: string;
    readonly error?: { readonly code: string };
    readonly schedules: readonly { readonly id: string; readonly channel: string }[];
  };
}

describe('scheduled messages', () => {
  let cluster: Cluster;
  let database: pg.Client;
  let token: string;

  beforeAll(async () => {
    const env = {
      CARILLON_SCHEDULE_MAX_PER_APP: String(MAX_PER_APP),
      CARILLON_PERSISTENCE_CLAIM_IDLE_MS: '1s',
    };
    cluster = await startCluster({ gateways: 1, routers: 1, persistence: 2, env });
    database = new pg.Client({ connectionString: cluster.postgres.url });
    await database.connect();
    token = await mintToken({
      secret: JWT_SECRET,
      userId: 'clock',
      capabilities: { 'later:*': ['publish'], 'other:*': ['publish'] },
    });
  }, 180_000);

  afterAll(async () => {
    await database?.end();
    await cluster?.stop();
  });

  const call = async (
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
    bearer = token,
  ): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${cluster.gateways[0]!.port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  };
  const schedule = (channel: string, body: object, headers?: Record<string, string>) =>
    call('POST', `/v1/channels/${channel}/schedules`, body, headers);
  /** The gateway may still be on its way back to a Redis that was killed: it refuses until then. */
  const scheduleOnce = (channel: string): Promise<void> =>
    eventually(
      async () => {
        const body = { payload: 'once', delayMs: 100 };
        const { status, body: answer } = await schedule(channel, body, { 'idempotency-key': channel });
        if (status >= 300) throw new Error(`refused with ${status} ${answer.error?.code}`);
        return true;
      },
      { what: `a message on ${channel} is scheduled`, timeoutMs: 30_000 },
    );
  const rows = async (channel: string) =>
    (
      await database.query<{ id: string; state: string; place: string }>(
        `select id, state, epoch || ':' || seq as place from scheduled_messages where channel = $1 order by id`,
        [channel],
      )
    ).rows;
  const stored = async (channel: string) =>
    (
      await database.query<{ id: string; place: string }>(
        `select id, epoch || ':' || seq as place from messages where channel = $1 order by id`,
        [channel],
      )
    ).rows;
  const settled = async (channel: string): Promise<void> => {
    await eventually(async () => (await rows(channel)).every(({ state }) => state === 'published'), {
      what: `everything on ${channel} is published`,
      timeoutMs: 60_000,
    });
    await eventually(async () => (await stored(channel)).length >= (await rows(channel)).length, {
      what: `everything on ${channel} is stored`,
      timeoutMs: 60_000,
    });
  };
  /** Each once, at the place that its row tells. */
  const expectOnce = async (channel: string, count: number): Promise<void> => {
    const [scheduled, messages] = [await rows(channel), await stored(channel)];
    expect(scheduled).toHaveLength(count);
    expect(messages).toEqual(scheduled.map(({ id, place }) => ({ id, place })));
  };
  /** Published messages can't be marked as published: the state after a crash between the two steps. */
  const refuseMarks = async (): Promise<() => Promise<void>> => {
    await database.query(`create function refuse_mark() returns trigger language plpgsql as
      $$ begin raise exception 'refused by the test'; end $$`);
    await database.query(`create trigger refuse_mark before update on scheduled_messages for each row
      when (new.state = 'published') execute function refuse_mark()`);
    return async () => {
      await database.query('drop trigger refuse_mark on scheduled_messages');
      await database.query('drop function refuse_mark');
      // Instead of waiting for the lease to end.
      await database.query(`update scheduled_messages set attempt_at = now() where state = 'publishing'`);
    };
  };

  it('publishes at the time given, once for an Idempotency-Key, and tells the position', async () => {
    const body = { payload: { n: 12345678901234567890n.toString() }, event: 'late', delayMs: 700 };
    const first = await schedule('later:one', body, { 'idempotency-key': 'k1' });
    expect(first).toMatchObject({ status: 201, body: { channel: 'later:one', state: 'pending' } });
    const again = await schedule('later:one', body, { 'idempotency-key': 'k1' });
    expect(again).toMatchObject({ status: 200, body: { id: first.body.id, duplicate: true } });
    const other = await schedule('later:one', { ...body, delayMs: 800 }, { 'idempotency-key': 'k1' });
    expect([other.status, other.body.error?.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT']);
    await settled('later:one');
    await expectOnce('later:one', 1);
    const told = await call('GET', `/v1/schedules/${first.body.id}`);
    expect(told.body).toMatchObject({ state: 'published', seq: 1, event: 'late' });
    const { rows: messages } = await database.query<{ lateMs: number }>(
      `select extract(epoch from m.published_at - s.deliver_at) * 1000 as "lateMs"
       from messages m join scheduled_messages s using (app, id) where id = $1`,
      [first.body.id],
    );
    expect(Number(messages[0]!.lateMs)).toBeGreaterThanOrEqual(-1);
    expect(Number(messages[0]!.lateMs)).toBeLessThan(30_000);
  });

  it.each([
    ['a time that has passed', { deliverAt: Date.now() - 5000 }, 400, 'SCHEDULE_IN_PAST'],
    ['a negative delay', { delayMs: -1 }, 400, 'SCHEDULE_IN_PAST'],
    ['the year 9999', { deliverAt: '9999-12-31T23:59:59Z' }, 400, 'SCHEDULE_TOO_FAR'],
    ['the end of time', { deliverAt: Number.MAX_SAFE_INTEGER }, 400, 'SCHEDULE_TOO_FAR'],
    ['a delay of 400 days', { delayMs: 400 * DAY_MS }, 400, 'SCHEDULE_TOO_FAR'],
    ['a time without a zone', { deliverAt: '2027-01-01T00:00:00' }, 400, 'BODY_INVALID'],
    ['the 32nd of January', { deliverAt: '2027-01-32T00:00:00Z' }, 400, 'BODY_INVALID'],
    ['no time', {}, 400, 'BODY_INVALID'],
    ['two times', { deliverAt: Date.now() + 5000, delayMs: 5 }, 400, 'BODY_INVALID'],
    ['a fraction', { delayMs: 0.5 }, 400, 'BODY_INVALID'],
  ] as const)('refuses %s', async (_case, when, status, code) => {
    const { status: answered, body } = await schedule('later:refused', { payload: 1, ...when });
    expect([answered, body.error?.code]).toEqual([status, code]);
    expect(await rows('later:refused')).toEqual([]);
  });

  it('refuses who may not publish there, and shows nobody the others', async () => {
    const refused = await schedule('secret:x', { payload: 1, delayMs: 1000 });
    expect([refused.status, refused.body.error?.code]).toEqual([403, 'PERMISSION_DENIED']);
    const mine = await schedule('other:x', { payload: 1, delayMs: DAY_MS });
    const stranger = await mintToken({
      secret: JWT_SECRET,
      userId: 'stranger',
      capabilities: { 'later:*': ['publish'] },
    });
    const path = `/v1/schedules/${mine.body.id}`;
    for (const method of ['GET', 'DELETE'])
      expect((await call(method, path, undefined, {}, stranger)).status).toBe(404);
    const { body } = await call('GET', '/v1/schedules?state=pending', undefined, {}, stranger);
    expect(body.schedules.filter(({ channel }) => channel.startsWith('other:'))).toEqual([]);
    expect((await call('DELETE', path)).body.state).toBe('cancelled');
  });

  it('cancels, lists in pages, and bounds what waits', { timeout: 180_000 }, async () => {
    const made = await Promise.all(
      Array.from({ length: 5 }, (_, i) => schedule('later:list', { payload: i, delayMs: DAY_MS + i })),
    );
    const ids = made.map(({ body }) => body.id);
    const first = await call('GET', '/v1/schedules?channel=later:list&limit=3');
    const second = await call('GET', `/v1/schedules?channel=later:list&limit=3&after=${first.body.next}`);
    const listed = [...first.body.schedules, ...second.body.schedules].map(({ id }) => id);
    expect(listed.toSorted()).toEqual(ids.toSorted());
    expect(first.body.schedules).toHaveLength(3);
    const cancel = () => call('DELETE', `/v1/schedules/${ids[0]}`);
    expect(await cancel()).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    expect(await cancel()).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    const nobody = await call('DELETE', '/v1/schedules/s-0');
    expect([nobody.status, nobody.body.error?.code]).toEqual([404, 'NOT_FOUND']);

    await database.query(`insert into scheduled_messages (id, app, channel, owner, request_hash, payload, deliver_at, attempt_at)
      select 's-fill' || n, 'default', 'later:fill', '', '', '1', now() + interval '1 day', now() + interval '1 day'
      from generate_series(1, ${MAX_PER_APP}) n`);
    const full = await schedule('later:list', { payload: 1, delayMs: 1000 });
    expect([full.status, full.body.error?.code]).toEqual([429, 'SCHEDULE_LIMIT']);
    await database.query(`delete from scheduled_messages where channel in ('later:fill', 'later:list')`);
    const published = await schedule('later:done', { payload: 1, delayMs: 0 });
    await settled('later:done');
    const late = await call('DELETE', `/v1/schedules/${published.body.id}`);
    expect([late.status, late.body.error?.code]).toEqual([409, 'SCHEDULE_NOT_PENDING']);
  });

  it('publishes each exactly once while persistence and Redis are killed', { timeout: 300_000 }, async () => {
    const count = 300;
    const channels = ['later:kill-a', 'later:kill-b', 'later:kill-c'];
    for (let n = 0; n < count; n += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          schedule(channels[(n + i) % 3]!, { payload: n + i, delayMs: 8000 + (n + i) * 12 }).then(
            ({ status }) => expect(status).toBe(201),
          ),
        ),
      );
    const done = async (): Promise<number> => {
      const { rows: found } = await database.query<{ n: number }>(
        `select count(*)::int as n from scheduled_messages where state = 'published' and channel like 'later:kill%'`,
      );
      return found[0]!.n;
    };
    const [first, second] = cluster.persistence;
    await eventually(async () => (await done()) > 30, { what: 'some are published', timeoutMs: 40_000 });
    await Promise.all([first!.kill(), second!.kill()]);
    await Promise.all([first!.start(), second!.start()]);
    await eventually(async () => (await done()) > 150, { what: 'half are published', timeoutMs: 40_000 });
    await cluster.redis.kill();
    await cluster.redis.restart();
    // Messages taken by a killed worker wait for the end of its lease.
    for (const channel of channels) {
      await settled(channel);
      await expectOnce(channel, count / 3);
    }
  });

  it('recognises what was published and not marked, by the broker', { timeout: 180_000 }, async () => {
    const accept = await refuseMarks();
    await scheduleOnce('later:mark');
    await eventually(async () => (await stored('later:mark')).length === 1, {
      what: 'it is published',
      timeoutMs: 60_000,
    });
    await Promise.all(cluster.persistence.map((worker) => worker.kill()));
    await cluster.redis.kill();
    await cluster.redis.restart();
    // The table of messages can't tell it: the broker has to.
    await database.query(`update messages set id = 'hidden' where channel = 'later:mark'`);
    await accept();
    await Promise.all(cluster.persistence.map((worker) => worker.start()));
    await eventually(async () => (await rows('later:mark'))[0]!.state === 'published', {
      what: 'it is marked',
      timeoutMs: 60_000,
    });
    const { rows: all } = await database.query(`select seq from messages where channel = 'later:mark'`);
    expect(all).toHaveLength(1);
    expect((await rows('later:mark'))[0]!.place).toMatch(/:1$/);
  });

  it('recognises it by the stored message when Redis has lost everything', { timeout: 180_000 }, async () => {
    const accept = await refuseMarks();
    await scheduleOnce('later:lost');
    await eventually(async () => (await stored('later:lost')).length === 1, {
      what: 'it is published',
      timeoutMs: 60_000,
    });
    await Promise.all(cluster.persistence.map((worker) => worker.kill()));
    await cluster.redis.restartEmpty();
    await accept();
    await Promise.all(cluster.persistence.map((worker) => worker.start()));
    await settled('later:lost');
    await expectOnce('later:lost', 1);
  });
});
