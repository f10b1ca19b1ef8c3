/** Endpoints that answer requests, over real HTTP. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMemoryBroker, type MemoryBroker, type RequestNode } from '@carillon/broker';
import { type ResponderDefinition, responderEndpoints } from '@carillon/config';
import { CarillonError, decodeAnswer, encodeRequest, type RequestAnswer } from '@carillon/protocol';
import { type EndpointRequest, verifyRequest } from '@carillon/server';
import { ServiceShell } from '@carillon/service';
import { createTelemetry } from '@carillon/telemetry';
import { HOSTILE_ANSWER_NAMES, startHostilePeer } from '@carillon/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addResponders } from './responders.ts';

const SECRET = 'secret-of-the-endpoint';
type Answer = (request: EndpointRequest, response: ServerResponse, raw: IncomingMessage) => void;

let broker: MemoryBroker;
let asker: RequestNode;
let server: Server;
let shell: ServiceShell;
let answer: Answer;
let bodies: string[];

const portOf = (): number => (server.address() as AddressInfo).port;

async function start(
  members: Partial<ResponderDefinition> = {},
  allowedNetworks = ['127.0.0.1'],
): Promise<void> {
  const responders = responderEndpoints([
    {
      name: 'e',
      url: `http://127.0.0.1:${portOf()}/ask`,
      methods: ['m'],
      secrets: [SECRET],
      timeoutMs: 30_000,
      ...members,
    },
  ]);
  const telemetry = createTelemetry({
    service: 'persistence',
    instanceId: 'p',
    version: '0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });
  shell = new ServiceShell(telemetry);
  addResponders(shell, { endpoints: [], responders, allowedNetworks }, { broker, telemetry });
  await shell.start();
}

async function ask(
  payload: unknown = 1,
  { timeoutMs = 30_000, signal = new AbortController().signal, app = 'default' } = {},
): Promise<RequestAnswer> {
  const body = encodeRequest({ user: 'ada', connection: 'c1' }, JSON.stringify(payload));
  return decodeAnswer(await asker.ask({ method: `${app}/m`, body, timeoutMs }, signal));
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'answered',
    (error: unknown) => (error instanceof CarillonError ? error.code : String(error)),
  );
const json = (response: ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

beforeEach(async () => {
  bodies = [];
  answer = ({ data }, response) => json(response, 200, { got: data });
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    bodies.push(body.toString());
    const signature = request.headers['carillon-signature'];
    answer(verifyRequest({ body, signature, secret: SECRET }), response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  broker = createMemoryBroker();
  await broker.start();
  asker = broker.requests('gateway', async () => '');
});
afterEach(async () => {
  await asker.stop();
  await shell.stop();
  await broker.stop();
  server.closeAllConnections();
  server.close();
});

describe('an endpoint', () => {
  it('[D13] is asked, signed, with who asks and what, and its answer is the answer', async () => {
    await start();
    let seen: EndpointRequest | undefined;
    answer = (request, response) => {
      seen = request;
      void response.writeHead(200).end('{"n": 1.50}');
    };
    expect(await ask({ a: [1, null] })).toEqual({ payloadJson: '{"n": 1.50}' });
    expect(seen).toEqual({
      id: expect.any(String),
      app: 'default',
      method: 'm',
      timeoutMs: expect.any(Number),
      user: 'ada',
      connection: 'c1',
      data: { a: [1, null] },
    });
    answer = (_request, response) => void response.writeHead(204).end();
    expect(await ask()).toEqual({ payloadJson: 'null' });
    expect(await codeOf(ask(1, { app: 'other' }))).toBe('NO_RESPONDER');
  });

  it('is told how long it has: the shorter one of its own time and the rest of the request', async () => {
    await start({ timeoutMs: 10_000 });
    const told: number[] = [];
    answer = ({ timeoutMs }, response) => {
      told.push(timeoutMs);
      void response.writeHead(204).end();
    };
    await ask(1, { timeoutMs: 30_000 });
    await ask(1, { timeoutMs: 9000 });
    expect(told[0]).toBe(10_000);
    expect(told[1]).toBeLessThanOrEqual(9000);
  });

  it('[RQ7] refuses with its own words', async () => {
    await start();
    answer = (_request, response) =>
      json(response, 409, { error: { message: 'Sold out.', reason: 'sold-out' } });
    expect(await ask()).toEqual({
      error: { code: 'RESPONDER_ERROR', message: 'Sold out.', reason: 'sold-out', retryable: false },
    });
    answer = (_request, response) => void response.writeHead(503).end('<html>');
    expect(await ask()).toEqual({
      error: { code: 'RESPONDER_ERROR', message: 'The endpoint answered 503.', retryable: true },
    });
    answer = (_request, response) =>
      void response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    expect(await ask()).toMatchObject({ error: { message: 'The endpoint answered 302.', retryable: false } });
  });

  it('is not believed what is no JSON, or too much', async () => {
    await start({ maxAnswerBytes: 1000 });
    answer = (_request, response) => void response.writeHead(200).end('1,"type":"disconnect"');
    expect(await ask()).toMatchObject({ error: { code: 'RESPONDER_ERROR', reason: 'answer-invalid' } });
    let closed: Promise<unknown> | undefined;
    answer = (_request, response) => {
      closed = once(response, 'close');
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    expect(await ask()).toMatchObject({ error: { reason: 'answer-too-large' } });
    await closed;
  });

  it('[RQ4] that hangs is given up in time; [RQ5] a cancelled request is broken off', async () => {
    await start({ timeoutMs: 100 });
    answer = () => undefined;
    expect(await codeOf(ask())).toBe('TIMEOUT');
    await shell.stop();
    await start();
    const began = Promise.withResolvers<{ readonly closed: Promise<unknown> }>();
    answer = (_request, response) => began.resolve({ closed: once(response, 'close') });
    const abort = new AbortController();
    const asking = codeOf(ask(1, { signal: abort.signal }));
    const { closed } = await began.promise;
    abort.abort();
    expect(await asking).toBe('REQUEST_CANCELLED');
    await closed;
  });

  it('[RQ6] that breaks off leaves an unknown outcome; one that can not be reached has done nothing', async () => {
    await start();
    answer = (_request, response) => response.destroy();
    expect(await codeOf(ask())).toBe('RESPONDER_LOST');
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    expect(await codeOf(ask())).toBe('UNAVAILABLE');
  });

  it('is not called at an address that is not public and not allowed', async () => {
    await start({}, []);
    expect(await codeOf(ask())).toBe('UNAVAILABLE');
    expect(bodies).toEqual([]);
  });

  it('has no more requests at a time than its concurrency', async () => {
    await start({ concurrency: 2 });
    const inside: (() => void)[] = [];
    let most = 0;
    answer = ({ data }, response) => {
      most = Math.max(
        most,
        inside.push(() => json(response, 200, data)),
      );
      // Both are answered when two are there, and a third has had its time to come.
      if (inside.length === 2)
        setTimeout(() => {
          for (const respond of inside.splice(0)) respond();
        }, 20);
    };
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => ask(i)));
    expect(answers).toEqual(Array.from({ length: 6 }, (_, i) => ({ payloadJson: `${i}` })));
    expect(most).toBe(2);
  });

  it('[WK6] answers what it was asked when persistence stops', async () => {
    await start();
    const began = Promise.withResolvers<ServerResponse>();
    answer = ({ data }, response) => (data === 'slow' ? began.resolve(response) : json(response, 200, data));
    const asking = ask('slow');
    const response = await began.promise;
    const stopped = shell.stop();
    let code = 'answered';
    while (code === 'answered') code = await codeOf(ask('quick'));
    expect(code).toBe('NO_RESPONDER');
    json(response, 200, 'in time');
    expect(await asking).toEqual({ payloadJson: '"in time"' });
    await stopped;
  });
});

describe('[RQ6] an endpoint has its time and no more, whatever it does', () => {
  it.each(HOSTILE_ANSWER_NAMES)('%s', async (hostile) => {
    const peer = await startHostilePeer(hostile);
    // One place: the second request waits for ever when the first one does not end.
    await start({ url: peer.url, timeoutMs: 500, concurrency: 1 });
    expect(await Promise.all([codeOf(ask()), codeOf(ask())])).not.toContain('answered');
    expect(peer.requests).toBe(2);
    await peer.stop();
  });
});
