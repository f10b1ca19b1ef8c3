import { readFileSync } from 'node:fs';
import { type Database, insertDeadLetter, insertMessages, migrate, openPglite } from '@carillon/db';
import { createWorker, type JobWorker } from '@carillon/jobs';
import { createTelemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminService, createAdmin } from './admin.ts';

const TOKEN = 'a-token-for-the-tests-of-admin';
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };
const telemetryOf = (service: string) =>
  createTelemetry({
    service,
    instanceId: service,
    version: '0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });

describe('admin', () => {
  let database: Database;
  let admin: AdminService;
  let worker: JobWorker;

  beforeAll(async () => {
    const opened = await openPglite({ dataDir: undefined }, telemetryOf('database'));
    database = opened.database;
    await migrate(database);
    const jobs = { kind: 'postgres', connection: { ...opened.connection }, schema: 'public' } as const;
    const retention = async () => ({ deletedMessages: 2, deletedDeadLetters: 0 });
    worker = createWorker({ backend: jobs, telemetry: telemetryOf('worker'), handlers: { retention } });
    admin = await createAdmin({
      telemetry: telemetryOf('admin'),
      database,
      jobs,
      listener: { host: '127.0.0.1', port: 0 },
      token: TOKEN,
      console: { gatewayUrl: 'ws://127.0.0.1:8080/v1/ws', tokens: { ada: 'jwt-a' } },
    });
    await admin.start();
    await insertMessages(
      database,
      Array.from({ length: 5 }, (_, i) => ({
        app: 'default',
        channel: 'chat:lobby',
        epoch: i < 2 ? 'aaaaaaaa0000' : 'aaaaaaaa0001',
        seq: i + 1,
        id: `m${i + 1}`,
        publishedAtMs: 1_700_000_000_000,
        header: JSON.stringify({ id: `m${i + 1}`, timestamp: 1_700_000_000_000 }),
        payload: '{"big":12345678901234567890}',
      })),
    );
  });

  afterAll(async () => {
    await worker.stop();
    await admin.stop();
    await database.close();
  });

  const get = (url: string, headers: Record<string, string> = AUTHORIZED) =>
    admin.server.inject({ method: 'GET', url, headers });

  it('pages through stored messages over epochs, byte for byte', async () => {
    const first = await get('/v1/channels/chat:lobby/messages?limit=3');
    expect(first.statusCode).toBe(200);
    expect(first.body).toContain('"payload":{"big":12345678901234567890}');
    const page = first.json() as { messages: { seq: number; id: string }[]; next: string };
    expect(page.messages.map(({ id }) => id)).toEqual(['m5', 'm4', 'm3']);
    const second = await get(`/v1/channels/chat:lobby/messages?before=${page.next}`);
    expect((second.json() as typeof page).messages.map(({ id }) => id)).toEqual(['m2', 'm1']);
    const upwards = await get('/v1/channels/chat%3Alobby/messages?after=aaaaaaaa0000:2&limit=2');
    expect((upwards.json() as typeof page).messages.map(({ id }) => id)).toEqual(['m3', 'm4']);
    const nothing = await get('/v1/channels/chat:empty/messages');
    expect(nothing.json()).toEqual({ app: 'default', channel: 'chat:empty', messages: [] });
  });

  it.each([
    ['no token', '/v1/channels/a/messages', {}, 401, 'TOKEN_MISSING'],
    ['another token', '/v1/channels/a/messages', { authorization: 'Bearer wrong' }, 403, 'PERMISSION_DENIED'],
    ['another spelling of the address', '/%761/channels/a/messages', {}, 401, 'TOKEN_MISSING'],
    ['a wrong channel', '/v1/channels/a%20b/messages', AUTHORIZED, 400, 'CHANNEL_INVALID'],
    ['a wrong limit', '/v1/channels/a/messages?limit=0', AUTHORIZED, 400, 'QUERY_INVALID'],
    ['a wrong position', '/v1/channels/a/messages?before=x', AUTHORIZED, 400, 'QUERY_INVALID'],
    ['both directions', '/v1/channels/a/messages?before=a:1&after=a:1', AUTHORIZED, 400, 'QUERY_INVALID'],
    ['a job that is not there', '/v1/jobs/nobody', AUTHORIZED, 404, 'NOT_FOUND'],
    ['an address that is not there', '/nothing', {}, 404, 'NOT_FOUND'],
  ] as const)('answers %s with a code', async (_case, url, headers, status, code) => {
    await eventually(async () => (await get('/v1/jobs/x')).statusCode === 404, { what: 'queues are open' });
    const response = await get(url, { ...headers });
    expect([response.statusCode, response.json().error.code]).toEqual([status, code]);
  });

  it.each([
    ['GET', '/v1/channels/a/messages?since=1', '"since" is no parameter of this address'],
    ['GET', '/v1/dead-letters?Kind=message', '"Kind" is no parameter of this address'],
    ['GET', '/v1/dead-letters/1?full=true', '"full" is no parameter of this address; there is none'],
    ['GET', '/v1/jobs/1?wait=true', '"wait" is no parameter of this address; there is none'],
    ['POST', '/v1/retention/run?dry=true', '"dry" is no parameter of this address; there is none'],
    ['POST', '/v1/dead-letters/replay?limit=1', '"limit" is no parameter of this address; there is none'],
  ] as const)('refuses by name what it does not know: %s %s', async (method, url, message) => {
    const response = await admin.server.inject({ method, url, headers: AUTHORIZED });
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({
      code: 'QUERY_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it.each(['/v1/retention/run', '/v1/dead-letters/1/replay'])(
    'refuses unknown members by name: %s',
    async (url) => {
      const payload = { dryRun: true };
      const response = await admin.server.inject({ method: 'POST', url, headers: AUTHORIZED, payload });
      expect(response.statusCode).toBe(400);
      expect(response.json().error).toMatchObject({
        code: 'BODY_INVALID',
        message: expect.stringContaining('"dryRun"'),
      });
    },
  );

  it('has retention run once for all who ask, and tells the result', async () => {
    const ask = () => admin.server.inject({ method: 'POST', url: '/v1/retention/run', headers: AUTHORIZED });
    await eventually(async () => (await get('/v1/jobs/x')).statusCode === 404, { what: 'queues are open' });
    const [first, second] = [await ask(), await ask()];
    expect(first.statusCode).toBe(202);
    expect(second.json()).toEqual(first.json());
    await worker.start();
    const location = String(first.headers.location);
    await eventually(async () => (await get(location)).json().state === 'completed', { what: 'it is done' });
    expect((await get(location)).json()).toMatchObject({ name: 'retention', result: { deletedMessages: 2 } });
  });

  it('lists, shows and replays what could not be stored or delivered', async () => {
    const post = (url: string, payload?: object) =>
      admin.server.inject({ method: 'POST', url, headers: AUTHORIZED, ...(payload && { payload }) });
    const record = (id: string, payload: string) => `{"id":"${id}","timestamp":1700000000000}\n${payload}`;
    const channel = `chat:${'x'.repeat(190)}`;
    const letter = { app: 'default', channel, epoch: 'e', reason: 'refused' };
    await insertDeadLetter(database, { ...letter, seq: 1, record: record('well', '{"a":1}') });
    await insertDeadLetter(database, { ...letter, seq: 2, record: record('ill', '"\0"') });
    await database.query(
      'dead',
      `insert into webhook_deliveries (id, endpoint, event, app, channel, epoch, seq, body, state, attempts, reason, dead_at)
       select 'd-' || n, 'orders', 'message.published', 'default', 'chat:lobby', 'e', n, '{"n":' || n || '}', 'dead', 10, '500 no',
         now() - interval '1 h' from generate_series(1, 5) n`,
    );
    const first = (await get('/v1/dead-letters?limit=3')).json();
    expect(first.deadLetters.map(({ kind }: { kind: string }) => kind)).toEqual([
      'message',
      'message',
      'webhook',
    ]);
    const second = (await get(`/v1/dead-letters?limit=9&after=${encodeURIComponent(first.next)}`)).json();
    const ids = [...first.deadLetters, ...second.deadLetters].map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(7);
    expect(second.next).toBeUndefined();
    expect((await get('/v1/dead-letters?endpoint=orders')).json().deadLetters).toHaveLength(5);

    const [ill, well] = ids as [string, string];
    const path = (id: string) => `/v1/dead-letters/${encodeURIComponent(id)}`;
    expect((await get(path(well))).json()).toMatchObject({
      id: well,
      reason: 'refused',
      content: record('well', '{"a":1}'),
    });
    expect((await post(`${path(well)}/replay`)).json()).toEqual({ id: well, result: 'stored' });
    expect((await post(`${path(well)}/replay`)).statusCode).toBe(404);
    const refused = await post(`${path(ill)}/replay`);
    expect([refused.statusCode, refused.json().error.code]).toEqual([409, 'REPLAY_FAILED']);
    expect((await get(`/v1/channels/${encodeURIComponent(channel)}/messages`)).json().messages).toMatchObject(
      [{ id: 'well', payload: { a: 1 } }],
    );
    expect((await post(`${path('d-1')}/replay`)).json()).toEqual({ id: 'd-1', result: 'queued' });
    expect((await post('/v1/dead-letters/replay', { limit: 3 })).json()).toEqual({
      replayed: 3,
      refused: 1,
      more: true,
    });
    expect((await post('/v1/dead-letters/replay', {})).json()).toEqual({
      replayed: 1,
      refused: 1,
      more: false,
    });
    const { rows } = await database.query(
      'queued',
      `select id from webhook_deliveries where state = 'pending' and attempts = 0`,
    );
    expect(rows).toHaveLength(5);
    expect((await get('/v1/dead-letters?limit=0')).json().error.code).toBe('QUERY_INVALID');
    expect((await get('/v1/dead-letters', {})).statusCode).toBe(401);
  });

  it('serves the console and its settings without a token', async () => {
    const config = await get('/console-config.json', {});
    expect(config.json()).toEqual({ gatewayUrl: 'ws://127.0.0.1:8080/v1/ws', tokens: { ada: 'jwt-a' } });
    expect((await get('/health', {})).statusCode).toBe(200);
    await eventually(async () => (await get('/ready', {})).statusCode === 200, { what: 'it is ready' });
  });

  it('gives no tokens to a page that came by another name', async () => {
    const config = await get('/console-config.json', { host: 'rebound.example.com' });
    expect(config.json()).toEqual({ gatewayUrl: 'ws://127.0.0.1:8080/v1/ws' });
  });

  it('has exactly the routes of its OpenAPI description', () => {
    const file = new URL('../../../docs/reference/admin-openapi.json', import.meta.url);
    const { paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, object> };
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    for (const route of described) {
      const [method, path] = route.split(' ') as ['GET' | 'POST' | 'DELETE', string];
      expect(admin.server.hasRoute({ method, url: path.replaceAll(/\{(\w+)\}/g, ':$1') }), route).toBe(true);
    }
    const sources = ['messages-route.ts', 'jobs-routes.ts', 'dead-letters-routes.ts', 'nodes-routes.ts'].map(
      (file) => readFileSync(new URL(`./${file}`, import.meta.url), 'utf8'),
    );
    const served = [...sources.join('').matchAll(/server\.(get|post|put|delete)\('([^']+)'/g)].map(
      ([, method, path]) => `${method!.toUpperCase()} ${path!.replaceAll(/:(\w+)/g, '{$1}')}`,
    );
    expect(served.toSorted()).toEqual(described.filter((route) => route.includes(' /v1/')).toSorted());
  });
});
