import { CarillonError } from '@carillon/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createHttpServer } from './http-server.ts';
import { recordedTelemetry } from './recorded-telemetry.suite.ts';

let server: ReturnType<typeof createHttpServer>;
let lines: ReturnType<typeof recordedTelemetry>['lines'];
beforeEach(() => {
  const recorded = recordedTelemetry();
  lines = recorded.lines;
  server = createHttpServer(recorded.telemetry, { bodyLimit: 100 });
  server.post('/echo', async (request) => request.body);
  server.get('/refused', async () => {
    throw new CarillonError('AT_CAPACITY', 'no room', { retryAfterMs: 1500 });
  });
  server.get('/broken', async () => {
    throw new TypeError('secret detail');
  });
});
afterEach(async () => {
  await server.close();
});

const JSON_TYPE = { 'content-type': 'application/json' };

it.each([
  ['too large', JSON_TYPE, 'x'.repeat(101), 413, 'FRAME_TOO_LARGE'],
  ['no JSON', JSON_TYPE, '{', 400, 'BODY_INVALID'],
  ['empty', JSON_TYPE, '', 400, 'BODY_INVALID'],
  ['__proto__', JSON_TYPE, '{"__proto__":{"a":1}}', 400, 'BODY_INVALID'],
  ['XML', { 'content-type': 'application/xml' }, '<a/>', 415, 'CONTENT_TYPE_UNSUPPORTED'],
])('answers a body that is %s with a code of the registry', async (_what, headers, payload, status, code) => {
  const response = await server.inject({ method: 'POST', url: '/echo', headers, payload });
  expect(response.statusCode).toBe(status);
  expect(response.json()).toEqual({ error: { code, message: expect.any(String), retryable: false } });
});

it('answers an address that there is not, without repeating its query', async () => {
  const response = await server.inject({ url: '/nothing?token=abc' });
  expect(response.statusCode).toBe(404);
  expect(response.json().error).toMatchObject({
    code: 'NOT_FOUND',
    message: 'There is nothing at GET /nothing',
  });
});

it.each([
  ['/v1/channels/a/b/messages?token=abc', 'has decoded its %2F'],
  ['/v1/users/a/b/c/disconnect', 'has decoded its %2F'],
  ['/realtime/v1/channels/a/messages', 'has to take off /realtime '],
])('says what a proxy did to the address %s', async (url, hint) => {
  const { message } = (await server.inject({ url })).json().error;
  expect(message).toContain(hint);
  expect(message).not.toContain('abc');
});

it.each(['/v1/channels/a%2Fb/other', '/v1/nothing', '/nothing'])(
  'says nothing about proxies at %s',
  async (url) => {
    expect((await server.inject({ url })).json().error.message).toBe(`There is nothing at GET ${url}`);
  },
);

it('says which methods an address takes', async () => {
  server.get('/items/:id', async () => 1);
  server.delete('/items/:id', async () => 2);
  const response = await server.inject({ method: 'PUT', url: '/items/a%2Fb?token=abc', payload: {} });
  expect(response.statusCode).toBe(405);
  expect(response.headers.allow).toBe('DELETE, GET, HEAD');
  expect(response.json().error).toMatchObject({
    code: 'METHOD_NOT_ALLOWED',
    message: '/items/a%2Fb does not take PUT; it takes DELETE, GET, HEAD.',
  });
  expect((await server.inject({ method: 'PUT', url: '/items' })).statusCode).toBe(404);
});

it('answers an address that can not be decoded as it answers others', async () => {
  const response = await server.inject({ url: '/%zz?token=abc' });
  expect(response.statusCode).toBe(404);
  expect(response.json().error).toEqual({
    code: 'NOT_FOUND',
    message: expect.not.stringContaining('abc'),
    retryable: false,
  });
});

it('passes a refusal on, with the time after which to try again', async () => {
  const response = await server.inject({ url: '/refused' });
  expect(response.statusCode).toBe(503);
  expect(response.headers['retry-after']).toBe('2');
  expect(response.json().error).toEqual({
    code: 'AT_CAPACITY',
    message: 'no room',
    retryable: true,
    retryAfterMs: 1500,
  });
});

it('logs what failed unexpectedly and tells the client nothing of it', async () => {
  const response = await server.inject({ url: '/broken' });
  expect(response.statusCode).toBe(500);
  expect(response.json().error.code).toBe('INTERNAL');
  expect(response.body).not.toContain('secret detail');
  expect(lines).toMatchObject([{ level: 'error', path: '/broken', err: { message: 'secret detail' } }]);
});
