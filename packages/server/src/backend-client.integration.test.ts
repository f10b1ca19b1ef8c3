import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BackendClient, type BackendClientOptions } from './backend-client.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

const FAST = { initialMs: 1, maxMs: 2 };
const accepted = (seq: number) => ({ epoch: 'e1', seq, id: `m${seq}` });

let server: Server;
let seen: Seen[];
/** Answers by order of requests; the last one stays. */
let answers: Answer[];

beforeEach(async () => {
  seen = [];
  server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, headers, body: await text(request) });
    const answer = answers[Math.min(seen.length, answers.length) - 1]!;
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function client(options: Partial<BackendClientOptions> = {}): BackendClient {
  const { port } = server.address() as AddressInfo;
  return new BackendClient({ url: `http://127.0.0.1:${port}`, token: 'jwt', retry: FAST, ...options });
}

describe('publish', () => {
  it('posts the message with token and idempotency key', async () => {
    answers = [{ status: 200, body: accepted(7) }];
    const receipt = await client().publish(
      'chat:a/b',
      { text: 'hi' },
      { event: 'said', idempotencyKey: 'order-1' },
    );
    expect(receipt).toEqual({ epoch: 'e1', seq: 7, id: 'm7', duplicate: false });
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/v1/channels/chat%3Aa%2Fb/messages',
      headers: {
        authorization: 'Bearer jwt',
        'idempotency-key': 'order-1',
        'content-type': 'application/json',
      },
    });
    expect(JSON.parse(seen[0]!.body)).toEqual({ payload: { text: 'hi' }, event: 'said' });
  });

  it('[BY1] publishes typed arrays in their JSON form', async () => {
    answers = [{ status: 200, body: accepted(7) }];
    await client().publish('chart:a', Float32Array.of(1));
    expect(JSON.parse(seen[0]!.body)).toEqual({ payload: { $bytes: 'AACAPw==', $type: 'f32' } });
  });

  it('waits until it is stored, and passes the trace on', async () => {
    answers = [{ status: 200, body: { ...accepted(1), stored: true } }];
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect(await client().publish('c', 1, { stored: true, trace })).toMatchObject({ stored: true });
    expect(seen[0]).toMatchObject({
      url: '/v1/channels/c/messages?stored=true',
      headers: { traceparent: trace },
    });
  });

  it('repeats a passing error with the same key', async () => {
    const error = { code: 'OUTCOME_UNKNOWN', message: 'perhaps', retryable: true };
    answers = [
      { status: 503, body: { error } },
      { status: 502, body: '<html>' },
      { status: 200, body: { ...accepted(1), duplicate: true } },
    ];
    expect(await client().publish('c', 1)).toMatchObject({ seq: 1, duplicate: true });
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
  });

  it('uses a new key for each message', async () => {
    answers = [{ status: 200, body: accepted(1) }];
    const publisher = client();
    await publisher.publish('c', 1);
    await publisher.publish('c', 1);
    expect(new Set(seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(2);
  });

  it('does not repeat what will fail again', async () => {
    answers = [
      { status: 403, body: { error: { code: 'PERMISSION_DENIED', message: 'no', retryable: false } } },
    ];
    await expect(client().publish('c', 1)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      retryable: false,
      status: 403,
    });
    expect(seen).toHaveLength(1);
  });

  it('gives up after the set number of attempts, with the last error', async () => {
    answers = [{ status: 429, body: 'slow down', headers: { 'retry-after': '0' } }];
    const failing = client({ retry: { ...FAST, maxAttempts: 3 } }).publish('c', 1);
    await expect(failing).rejects.toMatchObject({ code: 'ANSWER_UNREADABLE', retryable: true, status: 429 });
    expect(seen).toHaveLength(3);
  });

  it('says when nobody answers', async () => {
    const unreachable = client({ url: 'http://127.0.0.1:1', retry: { ...FAST, maxAttempts: 2 } });
    await expect(unreachable.publish('c', 1)).rejects.toMatchObject({ code: 'UNREACHABLE', retryable: true });
  });
});

describe('batches and history', () => {
  it('tells the result of each message', async () => {
    const error = { code: 'PAYLOAD_INVALID', message: 'bad', retryable: false };
    answers = [{ status: 200, body: { results: [accepted(1), { error }] } }];
    const results = await client().publishBatch('c', [{ payload: 1 }, { payload: 2, event: 'x' }]);
    expect(results[0]).toMatchObject({ seq: 1 });
    expect(results[1]).toMatchObject({ error: { code: 'PAYLOAD_INVALID' } });
    expect(JSON.parse(seen[0]!.body)).toEqual({ messages: [{ payload: 1 }, { payload: 2, event: 'x' }] });
  });

  it('asks for a page', async () => {
    const body = { messages: [], more: false, reason: 'position-ahead' };
    answers = [{ status: 200, body }];
    const page = await client().history('chat:lobby', { after: { epoch: 'e1', seq: 4 }, limit: 10 });
    expect(page).toEqual(body);
    expect(seen[0]).toMatchObject({
      method: 'GET',
      url: '/v1/channels/chat%3Alobby/messages?after_epoch=e1&after_seq=4&limit=10',
    });
  });
});

it('mints tokens from the secret and uses one again', async () => {
  answers = [{ status: 200, body: accepted(1) }];
  const minting = new BackendClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    jwtSecret: 'a-secret-of-more-than-32-characters-0001',
    userId: 'billing',
  });
  await minting.publish('c', 1);
  await minting.publish('c', 2);
  const [first, second] = seen.map(({ headers }) => headers.authorization);
  expect(first).toBe(second);
  expect(JSON.parse(atob(first!.split('.')[1]!))).toMatchObject({ sub: 'billing' });
});
