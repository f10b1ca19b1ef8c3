import { mintToken } from '@carillon/auth';
import { type Broker, type ColdQuery, createMemoryBroker } from '@carillon/broker';
import { loadConfig } from '@carillon/config';
import type { ScheduleAnswer, ScheduleRequest } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GROUPS } from '../config.ts';
import { createGateway, type Gateway } from '../gateway.ts';

const SECRET = 'schedule-routes-secret-0123456789-0123456789';

describe('routes of scheduled messages', () => {
  let broker: Broker;
  let gateway: Gateway;
  let token: string;
  const serving = { end: new AbortController() };
  const asked: (ScheduleRequest & { readonly on: string })[] = [];

  beforeEach(async () => {
    broker = createMemoryBroker();
    await broker.start();
    asked.length = 0;
    const env = {
      CARILLON_REDIS_URL: 'redis://not.used',
      CARILLON_JWT_SECRET: SECRET,
      CARILLON_GATEWAY_PORT: '0',
      CARILLON_ANONYMOUS: '{"open:*":["publish"]}',
    };
    const telemetry = createTelemetry({
      service: 'gateway',
      instanceId: 'test',
      version: '0',
      levels: { level: 'silent', modules: {} },
      format: 'json',
      processMetrics: false,
    });
    gateway = await createGateway({ telemetry, broker, config: loadConfig(GROUPS, env).config });
    await gateway.start();
    token = await mintToken({
      secret: SECRET,
      userId: 'ada',
      capabilities: { 'later:*': ['publish'] },
      expiresInMs: 60_000,
    });
  });

  afterEach(async () => {
    serving.end.abort();
    serving.end = new AbortController();
    await gateway.stop();
    await broker.stop();
  });

  /** Stands for persistence. */
  const answerWith = (answer: ScheduleAnswer): void => {
    void broker.cold.serve(async (query: ColdQuery) => {
      if (query.kind !== 'schedule') throw new Error('something else was asked');
      asked.push({ ...(JSON.parse(query.request) as ScheduleRequest), on: query.channel });
      return [{ epoch: '', seq: 0, record: JSON.stringify(answer) }];
    }, serving.end.signal);
  };
  const call = async (
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    payload?: object,
    headers: object = {},
  ) => {
    const response = await gateway.server.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: response.statusCode, code: response.json().error?.code, body: response.json() };
  };
  const body = { payload: { big: 1 }, delayMs: 1000 };

  it('hands a request on with what only the gateway knows', async () => {
    const schedule = { id: 's-1', channel: 'later:a', deliverAt: 5, state: 'pending', createdAt: 1 } as const;
    answerWith({ schedules: [schedule] });
    const made = await call('POST', '/v1/channels/later%3Aa/schedules', body, { 'idempotency-key': 'k' });
    expect([made.status, made.body]).toEqual([201, schedule]);
    expect(asked).toMatchObject([
      {
        on: 'default/later:a',
        action: 'add',
        message: { owner: 'ada', idempotencyKey: 'k', payload: '{"big":1}', delayMs: 1000 },
      },
    ]);
    expect((await call('DELETE', '/v1/schedules/s-1')).status).toBe(200);
    expect(asked.slice(1).map(({ action }) => action)).toEqual(['find', 'cancel']);
  });

  it('refuses what the token does not allow before anybody is asked, and after for what it only then knows', async () => {
    answerWith({
      schedules: [{ id: 's-1', channel: 'secret:a', deliverAt: 5, state: 'pending', createdAt: 1 }],
    });
    expect(await call('POST', '/v1/channels/secret:a/schedules', body)).toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    expect(await call('POST', '/v1/channels/%23clients.g/schedules', body)).toMatchObject({
      code: 'CHANNEL_INVALID',
    });
    expect(asked).toEqual([]);
    // As one that is not there: its existence and its channel are a secret, too.
    for (const method of ['GET', 'DELETE'] as const)
      expect((await call(method, '/v1/schedules/s-1')).body).toEqual({
        error: {
          code: 'NOT_FOUND',
          message: 'There is no scheduled message of this id, or no longer.',
          retryable: false,
        },
      });
    expect((await call('GET', '/v1/schedules')).body).toEqual({ schedules: [] });
    expect(asked.map(({ action }) => action)).toEqual(['find', 'find', 'list']);
  });

  it('binds the Idempotency-Key of a client without a token to what it schedules', async () => {
    answerWith({
      schedules: [{ id: 's-1', channel: 'open:a', deliverAt: 5, state: 'pending', createdAt: 1 }],
    });
    for (const payload of [1, 2, 1])
      await gateway.server.inject({
        method: 'POST',
        url: '/v1/channels/open:a/schedules',
        headers: { 'idempotency-key': 'k' },
        payload: { payload, delayMs: 1000 },
      });
    const keys = asked.map((request) => (request.action === 'add' ? request.message.idempotencyKey : ''));
    expect(keys[0]).toBe(keys[2]);
    expect(new Set(keys).size).toBe(2);
  });

  it('tells nothing of messages on channels that the token does not allow to publish on, in `next` either', async () => {
    const of = (id: string, channel: string, deliverAt: number) =>
      ({ id, channel, deliverAt, state: 'pending', createdAt: 1 }) as const;
    // Persistence of the version before answers with all of them.
    answerWith({ schedules: [of('s-1', 'later:a', 5), of('s-2', 'secret:a', 1234567)] });
    const { body: page } = await call('GET', '/v1/schedules?limit=2');
    expect(page.schedules).toEqual([of('s-1', 'later:a', 5)]);
    expect(page.next).toBe('5:s-1');
    expect(asked).toMatchObject([{ action: 'list', allowed: ['later:*'] }]);
    expect(await call('GET', '/v1/schedules?channel=secret:a')).toMatchObject({ code: 'PERMISSION_DENIED' });
    token = await mintToken({
      secret: SECRET,
      userId: 'eve',
      capabilities: { 'later:*': ['subscribe', 'history'] },
      expiresInMs: 60_000,
    });
    for (const path of ['/v1/schedules', '/v1/schedules?channel=later:a', '/v1/schedules?limit=1'])
      expect(await call('GET', path)).toMatchObject({ status: 403, code: 'PERMISSION_DENIED' });
    expect((await call('GET', '/v1/schedules/s-2')).code).toBe('NOT_FOUND');
    expect(asked.filter(({ action }) => action === 'list')).toHaveLength(1);
  });

  it('says that the outcome is unknown when nobody answers, unless nothing was to be done', async () => {
    expect(await call('POST', '/v1/channels/later:a/schedules', body)).toMatchObject({
      status: 503,
      code: 'OUTCOME_UNKNOWN',
    });
    expect(await call('GET', '/v1/schedules')).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    expect(await call('GET', '/v1/schedules/s-1')).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
  });

  it('passes on refusals with their codes', async () => {
    answerWith({ error: { code: 'SCHEDULE_TOO_FAR', message: 'too far' } });
    expect(await call('POST', '/v1/channels/later:a/schedules', body)).toMatchObject({
      status: 400,
      code: 'SCHEDULE_TOO_FAR',
    });
    expect(await call('GET', '/v1/schedules/nonsense')).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(
      await call('POST', '/v1/channels/later:a/schedules', body, { 'idempotency-key': 'a b' }),
    ).toMatchObject({
      status: 400,
      code: 'BODY_INVALID',
    });
  });
});
