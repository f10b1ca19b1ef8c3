/** Requests that mean something else than they seem to. */
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

let gateway: RunningGateway;
let headers: Record<string, string>;

beforeEach(async () => {
  gateway = await startGateway();
  headers = { authorization: `Bearer ${await tokenOf('ada')}`, 'content-type': 'application/json' };
});
afterEach(() => gateway.stop());

const address = (query = ''): string => `http://127.0.0.1:${gateway.port}/v1/channels/a/messages${query}`;

async function post(body: string | Buffer<ArrayBuffer>, more: Record<string, string> = {}): Promise<unknown> {
  const response = await fetch(address(), { method: 'POST', headers: { ...headers, ...more }, body });
  return await response.json();
}

describe('HTTP', () => {
  it('[MS2] refuses a body that is not UTF-8: its payload could not go on as it came', async () => {
    const body = Buffer.concat([Buffer.from('{"payload":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    expect(await post(body)).toMatchObject({ error: { code: 'BODY_INVALID' } });
  });

  it('names the encoding of a body that it does not read', async () => {
    expect(await post(gzipSync('{"payload":1}'), { 'content-encoding': 'gzip' })).toMatchObject({
      error: { code: 'CONTENT_TYPE_UNSUPPORTED', message: expect.stringContaining('gzip') },
    });
  });

  it('never takes a single message for one of a batch by its key', async () => {
    await post('{"payload":1}', { 'idempotency-key': 'b#0' });
    expect(await post('{"messages":[{"payload":1}]}', { 'idempotency-key': 'b' })).toMatchObject({
      results: [{ seq: 2 }],
    });
  });

  it.each(['after_epoch=a&after_seq=', 'after_epoch=a&after_seq=1e3', 'limit=0x10', 'limit=%205', 'limit='])(
    'refuses ?%s',
    async (query) => {
      expect((await fetch(address(`?${query}`), { headers })).status).toBe(400);
    },
  );

  it.each([
    ['what is no HTTP', 'hello\r\n\r\n', '400', 'BODY_INVALID'],
    ['too many headers', `GET /health HTTP/1.1\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, '431', 'BODY_INVALID'],
  ])('answers %s in the form of every error', async (_name, text, status, code) => {
    const socket = connect(gateway.port, '127.0.0.1').setEncoding('utf8');
    socket.on('error', () => undefined); // a reset after the answer
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.write(text);
    // Not once(): it takes the reset for a failure of its own.
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ error: { code } });
  });
});
