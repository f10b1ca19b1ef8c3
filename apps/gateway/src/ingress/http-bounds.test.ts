/** HTTP of strangers: what a gateway reads, keeps and answers, and that honest clients get their answers meanwhile. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

let gateway: RunningGateway;
let token: string;
const sockets: Socket[] = [];
beforeEach(async () => {
  gateway = await startGateway({ CARILLON_HANDSHAKE_TIMEOUT_MS: '2s' });
  token = await tokenOf('ada');
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway.stop();
});

function open(): Socket {
  const socket = connect(gateway.port, '127.0.0.1');
  sockets.push(socket);
  return socket.on('error', () => undefined);
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

interface Answer {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly connection: string | undefined;
}

/** `body` is written in pieces, as a client does that reads the answer only when it has sent everything. */
async function post(
  path: string,
  headers: Record<string, string | number>,
  body: Buffer,
  agent: Agent | false = false,
): Promise<Answer> {
  const sending = request({ port: gateway.port, path, method: 'POST', headers, agent });
  const response = once(sending, 'response');
  for (let at = 0; at < body.length; at += 65_536)
    if (!sending.write(body.subarray(at, at + 65_536))) await once(sending, 'drain');
  sending.end();
  const [answer] = await response;
  const { error } = JSON.parse(await text(answer)) as { error?: { code: string } };
  return { status: answer.statusCode, code: error?.code, connection: answer.headers.connection };
}

const MESSAGES = '/v1/channels/a/messages';
const JSON_TYPE = { 'content-type': 'application/json' };
const LARGE = Buffer.alloc(3 * 1024 * 1024, 120);

describe('a body that nobody wants', () => {
  it.each([
    ['of a stranger, in chunks', MESSAGES, {}, 401],
    ['of a stranger, with its length', MESSAGES, { 'content-length': LARGE.length }, 401],
    ['for an address that is not there', '/nope', {}, 404],
    ['with a method that is not taken', '/health', {}, 405],
  ])(
    '%s: comes to its end and is answered, on a connection that stays',
    async (_name, path, headers, status) => {
      const agent = new Agent({ keepAlive: true });
      const answer = await post(path, { ...JSON_TYPE, ...headers }, LARGE, agent);
      expect(answer).toMatchObject({ status, connection: 'keep-alive' });
      agent.destroy();
    },
  );

  it.each([
    ['with its length', { 'content-length': LARGE.length }, 'keep-alive'],
    ['in chunks', {}, 'keep-alive'],
    ['on a connection that is to end', { connection: 'close' }, 'close'],
  ])('that is too large: likewise, %s', async (_name, headers, connection) => {
    const authorization = `Bearer ${token}`;
    const agent = new Agent({ keepAlive: true });
    const answer = await post(MESSAGES, { ...JSON_TYPE, authorization, ...headers }, LARGE, agent);
    expect(answer).toEqual({ status: 413, code: 'FRAME_TOO_LARGE', connection });
    agent.destroy();
  });

  it('is not kept: a stranger is refused by the headers, whatever the body says', async () => {
    const answer = await post(MESSAGES, JSON_TYPE, Buffer.from('not even JSON'));
    expect(answer).toMatchObject({ status: 401, code: 'TOKEN_MISSING' });
  });

  it('without an end is cut off', async () => {
    const socket = open();
    const answer = text(socket);
    socket.write(
      `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n`,
    );
    expect(await answer).toMatch(/^HTTP\/1.1 401 [\s\S]*connection: close/i);
  });
});

describe('an upgrade that nobody follows', () => {
  it.each(['h2c', 'websocket', 'foo'])('to %s: the request keeps its body', async (upgrade) => {
    const headers = {
      ...JSON_TYPE,
      connection: 'Upgrade, HTTP2-Settings',
      upgrade,
      'http2-settings': 'AAMAAABk',
    };
    const authorization = `Bearer ${token}`;
    const answer = await post(MESSAGES, { ...headers, authorization }, Buffer.from('{"payload":1}'));
    expect(answer).toMatchObject({ status: 200 });
  });
});

describe('pipelined requests', () => {
  it('are answered, up to eight at a time', async () => {
    const socket = open();
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(7));
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect((await text(socket)).match(/HTTP\/1.1 200/g)).toHaveLength(8);
  });

  it('beyond that end the connection before they are served', async () => {
    const socket = open();
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000));
    socket.resume();
    await closed(socket);
    const metrics = await (await fetch(`http://127.0.0.1:${gateway.port}/metrics`)).text();
    expect(metrics).toContain('carillon_connections_limit');
  });
});

describe('the metrics', () => {
  it('are made once in a second, however often they are asked for', async () => {
    const ask = async (): Promise<string> =>
      await (await fetch(`http://127.0.0.1:${gateway.port}/metrics`)).text();
    expect(await ask()).toBe(await ask());
  });
});

describe('fragments of one byte', () => {
  it('end the connection before they take memory', async () => {
    const peer = new BarePeer(gateway.port);
    await once(peer.socket, 'open');
    peer.socket.send('{', { fin: false });
    for (let i = 0; i < 1000; i++) peer.socket.send(' ', { fin: false });
    await once(peer.socket, 'close');
    expect(peer.closeCode).toBe(1008);
  });
});
