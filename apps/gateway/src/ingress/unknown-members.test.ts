/** Unknown members and parameters of a request are refused by name. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

let gateway: RunningGateway;
beforeEach(async () => {
  gateway = await startGateway({ CARILLON_NAMESPACES: '{"live":{"durable":false}}' });
});
afterEach(() => gateway.stop());

async function call(path: string, body?: string): Promise<{ status: number; body: object }> {
  const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${await tokenOf('ada')}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body }),
  });
  return { status: response.status, body: (await response.json()) as object };
}

const MESSAGES = '/v1/channels/a/messages';

describe('a parameter of the query', () => {
  it.each([
    [`${MESSAGES}?since=10`, 'since'],
    [`${MESSAGES}?limit=5&Limit=5`, 'Limit'],
    [`${MESSAGES}?__proto__=1`, '__proto__'],
    ['/v1/channels/a/consumers?limit=5', 'limit'],
    ['/v1/schedules?status=pending', 'status'],
    ['/v1/users/ada/sessions?limit=5', 'limit'],
  ])('that is not known is refused: %s', async (path, name) => {
    expect(await call(path)).toMatchObject({
      status: 400,
      body: {
        error: { code: 'QUERY_INVALID', message: expect.stringContaining(`"${name}"`), retryable: false },
      },
    });
  });

  it('that is not known is refused with a publish, which is not published', async () => {
    expect(await call(`${MESSAGES}?storedd=true`, '{"payload":1}')).toMatchObject({
      status: 400,
      body: { error: { code: 'QUERY_INVALID' } },
    });
    expect(await call(MESSAGES, '{"payload":1}')).toMatchObject({ body: { seq: 1 } });
  });

  it('of a WebSocket, or of an address of operation, is the affair of those who ask', async () => {
    expect((await call('/health?x=1')).status).toBe(200);
    expect((await call('/v1/ws?x=1')).status).toBe(426);
  });
});

describe('a member of a body', () => {
  it.each([
    [MESSAGES, '{"payload":1,"evnt":"x"}', 'evnt'],
    [MESSAGES, '{"payload":1,"__proto__":{}}', '__proto__'],
    [MESSAGES, '{"payload":1,"deliverAt":1}', 'deliverAt'],
    [MESSAGES, '{"messages":[{"payload":1}],"event":"x"}', 'event'],
    [MESSAGES, '{"messages":[{"payload":1},{"payload":2,"id":"x"}]}', 'messages[1].id'],
    ['/v1/channels/a/schedules', '{"payload":1,"delayMs":1000,"repeat":3}', 'repeat'],
  ])('that is not known is refused: %s %s', async (path, body, name) => {
    expect(await call(path, body)).toMatchObject({
      status: 400,
      body: { error: { code: 'BODY_INVALID', message: expect.stringContaining(`${name} is not known`) } },
    });
    expect(await call(MESSAGES, '{"payload":1}')).toMatchObject({ body: { seq: 1 } });
  });
});

describe('[PU5] a message that is to be stored, in a namespace that is not durable', () => {
  it('is refused over HTTP, and is not published', async () => {
    const path = '/v1/channels/live:a/messages';
    for (const body of ['{"payload":1}', '{"messages":[{"payload":1},{"payload":2}]}'])
      expect(JSON.stringify(await call(`${path}?stored=true`, body))).toContain('NOT_DURABLE');
    expect(await call(path, '{"payload":3}')).toMatchObject({ status: 200, body: { seq: 1 } });
  });

  it('is refused over WebSocket with one answer, and is not published', async () => {
    const peer = await BarePeer.join(gateway.port, 'ada');
    const message = { type: 'publish', channel: 'live:a', payload: 1 };
    expect(await peer.ask({ ...message, stored: true })).toMatchObject({
      type: 'error',
      code: 'NOT_DURABLE',
    });
    expect(await peer.ask(message)).toMatchObject({ type: 'accepted', seq: 1 });
    expect(peer.frames.filter(({ type }) => type === 'error')).toHaveLength(1);
    peer.socket.terminate();
  });
});
