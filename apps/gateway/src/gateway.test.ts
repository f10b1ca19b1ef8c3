/** The gateway on the memory broker, through real sockets. Rule numbers are those of packages/protocol/SPEC.md. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { mintToken } from '@carillon/auth';
import { createMemoryBroker, type MemoryBroker } from '@carillon/broker';
import { loadConfig } from '@carillon/config';
import type { ServerFrame } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { GROUPS } from './config.ts';
import { createGateway, type Gateway } from './gateway.ts';

const SECRET = 'gateway-test-secret-0123456789-0123456789';
const ALL = { '*': ['subscribe', 'publish', 'presence', 'history'] } as const;

let broker: MemoryBroker;
let gateway: Gateway;
let logLines: string[];
const sockets: WebSocket[] = [];

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { config } = loadConfig(GROUPS, {
    CARILLON_REDIS_URL: 'redis://not.used',
    CARILLON_JWT_SECRET: SECRET,
    CARILLON_GATEWAY_PORT: '0',
    CARILLON_ALLOWED_ORIGINS: 'https://good.example.com',
    CARILLON_NAMESPACES: JSON.stringify({
      cursor: { ephemeral: true },
      short: { history: { maxMessages: 2 }, durable: false, recoveryMaxMessages: 2 },
    }),
    ...env,
  });
  logLines = [];
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'debug', modules: {} },
    format: 'json',
    stream: { write: (line) => logLines.push(line) },
    processMetrics: false,
  });
  broker = createMemoryBroker();
  await broker.start();
  gateway = await createGateway({ telemetry, broker, config });
  await gateway.start();
}

const port = (): number => (gateway.server.server.address() as AddressInfo).port;

const tokenFor = (userId: string, capabilities: object = ALL): Promise<string> =>
  mintToken({ secret: SECRET, userId, capabilities: capabilities as never, expiresInMs: 60_000 });

/** A bare client of the protocol: sends frames, waits for frames. */
class Peer {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  readonly #closed = Promise.withResolvers<{ code: number; reason: string }>();
  #wake: (() => void)[] = [];

  constructor(path = '/v1/ws', options: { protocols?: string[]; headers?: Record<string, string> } = {}) {
    this.socket = new WebSocket(
      `ws://127.0.0.1:${port()}${path}`,
      options.protocols ?? ['carillon.v1.json'],
      { headers: options.headers ?? {} },
    );
    sockets.push(this.socket);
    this.socket.on('error', () => undefined); // a refused upgrade; the test looks at the answer
    this.socket.on('close', (code, reason) => this.#closed.resolve({ code, reason: String(reason) }));
    this.socket.on('message', (data) => {
      this.frames.push(JSON.parse(String(data)) as ServerFrame);
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  send(frame: object | string): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  async next<Type extends ServerFrame['type']>(
    type: Type,
    matches: (frame: Extract<ServerFrame, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<ServerFrame, { type: Type }>> {
    for (;;) {
      const index = this.frames.findIndex((frame) => frame.type === type && matches(frame as never));
      if (index >= 0) return this.frames.splice(index, 1)[0] as never;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async connected(token: string | undefined): Promise<this> {
    if (this.socket.readyState !== WebSocket.OPEN) await once(this.socket, 'open');
    this.send({ type: 'connect', id: 'c', ...(token === undefined ? {} : { token }) });
    await this.next('connected');
    return this;
  }

  async subscribe(channel: string, position?: object) {
    this.send({
      type: 'subscribe',
      id: `s-${channel}`,
      channels: [{ channel, ...(position === undefined ? {} : { position }) }],
    });
    const { results } = await this.next('subscribed', ({ re }) => re === `s-${channel}`);
    return results[0]!;
  }

  async publish(channel: string, payload: unknown, extra: object = {}) {
    const id = Math.random().toString(36);
    this.send({ type: 'publish', id, channel, payload, ...extra });
    return await this.next('accepted', ({ re }) => re === id);
  }

  /** Also when it was closed before. */
  closed(): Promise<{ code: number; reason: string }> {
    return this.#closed.promise;
  }
}

const join = async (user: string, capabilities?: object): Promise<Peer> =>
  await new Peer().connected(await tokenFor(user, capabilities));

beforeEach(() => start());

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await gateway.stop();
  await broker.stop();
});

describe('system channels', () => {
  const BACK_END = { '#*': ['publish', 'history'] };
  const SESSION = 'session-0123456789';

  it('[D9 CH5] brings direct messages to all sessions of a user, to nobody else, and those missed to who comes back', async () => {
    const [one, two, bob] = [await join('Ada L', {}), await join('Ada L', {}), await join('bob')];
    const backEnd = await join('back-end', BACK_END);
    const channel = '#user:Ada~20L';
    const { epoch } = await one.subscribe(channel);
    await two.subscribe(channel);
    expect(await bob.subscribe(channel)).toMatchObject({ error: { code: 'PERMISSION_DENIED' } });
    await backEnd.publish(channel, 'for you');
    for (const session of [one, two])
      expect(await session.next('message')).toMatchObject({ channel, payload: 'for you' });
    bob.send({ type: 'publish', id: 9, channel, payload: 'spam' });
    expect(await bob.next('error')).toMatchObject({ code: 'PERMISSION_DENIED' });
    one.socket.terminate();
    await backEnd.publish(channel, 'while you were away');
    await two.next('message', ({ seq }) => seq === 2);
    const back = await join('Ada L', {});
    expect(await back.subscribe(channel, { epoch, seq: 1 })).toMatchObject({ recovered: true, missed: 1 });
    expect(await back.next('message')).toMatchObject({ payload: 'while you were away' });
    back.send({ type: 'history', id: 'h', channel, limit: 1 });
    expect((await back.next('history')).messages).toMatchObject([{ payload: 'while you were away' }]);
  });

  it('[D9 CH6] brings direct messages to the session that brought the id', async () => {
    const peer = new Peer();
    await once(peer.socket, 'open');
    peer.send({ type: 'connect', id: 'c', token: await tokenFor('ada', {}), session: SESSION });
    await peer.next('connected');
    expect(await peer.subscribe(`#session:${SESSION}`)).toMatchObject({ seq: 0 });
    const other = await join('ada');
    expect(await other.subscribe(`#session:${SESSION}`)).toMatchObject({
      error: { code: 'PERMISSION_DENIED' },
    });
    const backEnd = await join('back-end', BACK_END);
    await backEnd.publish(`#session:${SESSION}`, 1);
    expect(await peer.next('message')).toMatchObject({ payload: 1 });
  });

  it('[CH6] says what a session may look like', async () => {
    const peer = new Peer();
    await once(peer.socket, 'open');
    peer.send({ type: 'connect', id: 'c', session: 'short' });
    expect((await peer.next('error')).message).toContain('16..64 characters');
  });

  it('[D12 CH7] brings a broadcast to every connection, subscribed to nothing', async () => {
    const everybody = [await join('ada', {}), await join('bob', {}), await join('eve')];
    const backEnd = await join('back-end', BACK_END);
    await backEnd.publish('#system', { level: 'info', text: 'hello' }, { event: 'SystemNotification' });
    for (const peer of everybody)
      expect(await peer.next('message')).toMatchObject({
        channel: '#system',
        event: 'SystemNotification',
        payload: { level: 'info', text: 'hello' },
      });
    const [ada, , eve] = everybody;
    const { epoch } = await ada!.subscribe('#system', undefined);
    expect(epoch).toBeDefined();
    await backEnd.publish('#system', 2);
    await backEnd.publish('#system', 3);
    for (const payload of [2, 3]) expect(await ada!.next('message')).toMatchObject({ payload });
    eve!.send({ type: 'publish', id: 1, channel: '#system', payload: 'spam' });
    expect(await eve!.next('error')).toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it('[CH3] refuses other names that begin with #', async () => {
    const ada = await join('ada', { '#*': ['subscribe'] });
    expect(await ada.subscribe('#other')).toMatchObject({ error: { code: 'CHANNEL_INVALID' } });
  });
});

describe('publish and fan-out', () => {
  it('[PU1] brings a message to all subscribers with the same epoch, seq and payload', async () => {
    const [ada, bob] = [await join('ada'), await join('bob')];
    await ada.subscribe('chat:a');
    const result = await bob.subscribe('chat:a');
    expect(result).toMatchObject({ channel: 'chat:a', seq: 0 });
    const accepted = await ada.publish('chat:a', { hello: 'wörld', n: 1 }, { event: 'greeting' });
    const [one, two] = [await ada.next('message'), await bob.next('message')];
    expect(one).toEqual(two);
    expect(one).toMatchObject({
      epoch: accepted.epoch,
      seq: 1,
      id: accepted.id,
      user: 'ada',
      event: 'greeting',
      payload: { hello: 'wörld', n: 1 },
    });
  });

  it('[RE2] hands payloads on exactly as they came', async () => {
    const ada = await join('ada');
    await ada.subscribe('chat:a');
    const raw = new Promise<string>((resolve) =>
      ada.socket.on('message', (data) => String(data).includes('"message"') && resolve(String(data))),
    );
    ada.send(
      '{"type":"publish","id":1,"channel":"chat:a","payload": {"big": 12345678901234567890,  "a":"\\u00e4" } }',
    );
    expect(await raw).toContain('"payload":{"big": 12345678901234567890,  "a":"\\u00e4" }}');
  });

  it('keeps the order of one publisher without waiting for answers', async () => {
    const [ada, bob] = [await join('ada'), await join('bob')];
    await bob.subscribe('chat:a');
    for (let i = 1; i <= 300; i++) ada.send({ type: 'publish', id: i, channel: 'chat:a', payload: i });
    for (let i = 1; i <= 300; i++) expect(await bob.next('message')).toMatchObject({ seq: i, payload: i });
  });

  it('[PU4] answers a repeat with the first result and delivers it once', async () => {
    const ada = await join('ada');
    await ada.subscribe('chat:a');
    const producer = { id: 'producer-1', seq: 1 };
    const first = await ada.publish('chat:a', 'x', { producer });
    const again = await ada.publish('chat:a', 'x', { producer });
    expect(again).toMatchObject({ seq: first.seq, id: first.id, duplicate: true });
    await ada.publish('chat:a', 'last');
    expect([(await ada.next('message')).payload, (await ada.next('message')).payload]).toEqual(['x', 'last']);
  });

  it('[PU5] tells when a message is stored', async () => {
    const ada = await join('ada');
    ada.send({ type: 'publish', id: 9, channel: 'chat:a', payload: 1, stored: true });
    const { seq } = await ada.next('accepted');
    await broker.log.commit(await broker.log.read('test', { count: 10, blockMs: 1000 }));
    expect(await ada.next('stored')).toMatchObject({ re: 9, seq });
  });
});

describe('recovery', () => {
  it('[SU5] gives what was missed in order before live messages', async () => {
    const [ada, bob] = [await join('ada'), await join('bob')];
    const { epoch } = await ada.subscribe('chat:a');
    for (let i = 1; i <= 450; i++) ada.send({ type: 'publish', id: i, channel: 'chat:a', payload: i });
    await ada.next('accepted', ({ re }) => re === 450);
    const result = bob.subscribe('chat:a', { epoch, seq: 100 });
    for (let i = 451; i <= 500; i++) ada.send({ type: 'publish', id: i, channel: 'chat:a', payload: i });
    expect(await result).toMatchObject({ recovered: true, epoch, seq: 100 });
    for (let i = 101; i <= 500; i++) expect((await bob.next('message')).seq).toBe(i);
  });

  it.each([
    ['epoch-changed', { epoch: '000000000000', seq: 1 }],
    ['position-ahead', { seq: 99 }],
    ['too-many-missed', { seq: 0 }],
  ])('[SU6] says recovered: false with the reason %s and goes on live', async (reason, position) => {
    const [ada, bob] = [await join('ada'), await join('bob')];
    const { epoch } = await ada.subscribe('short:a');
    for (let i = 1; i <= 5; i++) await ada.publish('short:a', i);
    await ada.next('message', ({ seq }) => seq === 5);
    expect(await bob.subscribe('short:a', { epoch, ...position })).toMatchObject({
      recovered: false,
      reason,
      seq: 5,
    });
    await ada.publish('short:a', 'live');
    expect(await bob.next('message')).toMatchObject({ seq: 6, payload: 'live' });
  });

  it('[SU6] [PO4] begins with the first message of the new epoch for one who comes from an older one', async () => {
    const [ada, bob, eve] = [await join('ada'), await join('bob'), await join('eve')];
    const stop = new AbortController();
    void broker.cold.serve(async () => [], stop.signal);
    const { epoch } = await ada.subscribe('chat:a');
    for (let i = 1; i <= 5; i++) await ada.publish('chat:a', i);
    // An epoch that nobody knows is no newer one, whatever its name: the broker's clock may have gone back.
    for (const [peer, unknown] of [[bob, '000000000000'] as const, [eve, 'zzzzzzzzzzzz'] as const])
      expect(await peer.subscribe('chat:a', { epoch: unknown, seq: 1 })).toMatchObject({
        recovered: false,
        reason: 'epoch-changed',
        epoch,
        seq: 0,
      });
    stop.abort();
    await ada.publish('chat:a', 6);
    for (const peer of [bob, eve])
      for (let i = 1; i <= 6; i++) expect(await peer.next('message')).toMatchObject({ seq: i, payload: i });
  });

  it('[SU6] asks stored history when hot history is trimmed', async () => {
    await gateway.stop();
    await start({
      CARILLON_NAMESPACES: JSON.stringify({
        chat: { history: { maxMessages: 2 }, recoveryMaxMessages: 100 },
      }),
    });
    const [ada, bob] = [await join('ada'), await join('bob')];
    const { epoch } = await ada.subscribe('chat:a');
    for (let i = 1; i <= 10; i++) await ada.publish('chat:a', i);
    await ada.next('message', ({ seq }) => seq === 10);
    const log = await broker.log.read('test', { count: 100, blockMs: 1000 });
    const stop = new AbortController();
    void broker.cold.serve(
      async (query) =>
        query.kind === 'range' ? log.filter(({ seq }) => seq >= query.from && seq <= query.to) : [],
      stop.signal,
    );
    expect(await bob.subscribe('chat:a', { epoch, seq: 3 })).toMatchObject({ recovered: true, missed: 7 });
    for (let i = 4; i <= 10; i++) expect(await bob.next('message')).toMatchObject({ seq: i, payload: i });
    stop.abort();
  });
});

describe('authentication', () => {
  it.each([
    [
      'header',
      async () => new Peer('/v1/ws', { headers: { authorization: `Bearer ${await tokenFor('ada')}` } }),
    ],
    [
      'subprotocol',
      async () =>
        new Peer('/v1/ws', { protocols: ['carillon.v1.json', `carillon.token.${await tokenFor('ada')}`] }),
    ],
    ['query', async () => new Peer(`/v1/ws?token=${await tokenFor('ada')}`)],
  ])('[CN3] takes the token from the %s, and never writes it to the log', async (_where, open) => {
    const peer = await (await open()).connected(undefined);
    expect(peer.socket.protocol).toBe('carillon.v1.json');
    expect(logLines.join('')).not.toMatch(/eyJ/);
  });

  it('[CN4] refuses a wrong token with the reason and closes with 4101', async () => {
    const peer = new Peer();
    await once(peer.socket, 'open');
    peer.send({
      type: 'connect',
      id: 1,
      token: await mintToken({
        secret: 'another-secret-0123456789-0123456789',
        userId: 'eve',
        capabilities: ALL as never,
        expiresInMs: 60_000,
      }),
    });
    expect(await peer.next('error')).toMatchObject({
      re: 1,
      code: 'TOKEN_SIGNATURE_INVALID',
      retryable: false,
    });
    expect(await peer.closed()).toMatchObject({ code: 4101 });
  });

  it('[CN5] closes a client that does not authenticate in time with 4100', async () => {
    await gateway.stop();
    await start({ CARILLON_AUTH_TIMEOUT_MS: '200', CARILLON_PING_INTERVAL_MS: '500' });
    expect(await new Peer().closed()).toMatchObject({ code: 4100 });
  });

  it('checks capabilities on subscribe, publish and history', async () => {
    const peer = await join('ada', { 'news:*': ['subscribe'] });
    expect(await peer.subscribe('chat:a')).toMatchObject({ error: { code: 'PERMISSION_DENIED' } });
    expect(await peer.subscribe('news:a')).toMatchObject({ seq: 0 });
    peer.send({ type: 'publish', id: 1, channel: 'news:a', payload: 1 });
    expect(await peer.next('error')).toMatchObject({ re: 1, code: 'PERMISSION_DENIED' });
    peer.send({ type: 'history', id: 2, channel: 'news:a' });
    expect(await peer.next('error')).toMatchObject({ re: 2, code: 'PERMISSION_DENIED' });
  });

  it('says that a WebSocket is wanted', async () => {
    const answer = await fetch(`http://127.0.0.1:${port()}/v1/ws`);
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await answer.json()).toMatchObject({ error: { code: 'UPGRADE_REQUIRED' } });
  });

  it('[CN10] tells pages of other origins that they may not connect, and takes nothing from them', async () => {
    const peer = new Peer('/v1/ws', { headers: { origin: 'https://evil.example.com' } });
    expect(await peer.next('error')).toEqual({
      type: 'error',
      code: 'ORIGIN_REFUSED',
      message: expect.stringContaining(
        'https://evil.example.com may not connect: add this origin to CARILLON_ALLOWED_ORIGINS',
      ),
      retryable: false,
    });
    expect(await peer.next('disconnect')).toMatchObject({ code: 4203, reconnect: false });
    const [code, reason] = await once(peer.socket, 'close');
    expect([code, String(reason)]).toEqual([4203, 'ORIGIN_REFUSED']);
    await new Peer('/v1/ws', { headers: { origin: 'https://good.example.com' } }).connected(
      await tokenFor('ada'),
    );
  });
});

describe('bad input', () => {
  it.each([
    ['not json', 'FRAME_MALFORMED'],
    ['[]', 'FRAME_MALFORMED'],
    ['{"type":"nonsense","id":1}', 'FRAME_TYPE_UNKNOWN'],
    ['{"type":"publish","id":1,"channel":"bad name","payload":1}', 'CHANNEL_INVALID'],
    ['{"type":"publish","id":1,"channel":"chat:a"}', 'PAYLOAD_INVALID'],
    [
      `{"type":"publish","id":1,"channel":"chat:a","payload":${'['.repeat(100)}${']'.repeat(100)}}`,
      'FRAME_TOO_DEEP',
    ],
    [`{"type":"publish","id":1,"channel":"chat:a","payload":"${'x'.repeat(70_000)}"}`, 'FRAME_TOO_LARGE'],
    ['{"type":"connect","id":1}', 'FRAME_OUT_OF_STATE'],
  ])('answers bad frame %# with its code and lives on', async (text, code) => {
    const peer = await join('ada');
    peer.send(text);
    expect(await peer.next('error')).toMatchObject({ code, retryable: false });
    expect(await peer.publish('chat:a', 1)).toMatchObject({ seq: 1 });
  });

  it('closes a connection that goes on sending invalid frames with 4200', async () => {
    const peer = await join('ada');
    for (let i = 0; i < 11; i++) peer.send('nonsense');
    expect(await peer.closed()).toMatchObject({ code: 4200 });
  });

  it('refuses the connection over the limit with 503 and says when to come back', async () => {
    await gateway.stop();
    await start({ CARILLON_MAX_CONNECTIONS: '1' });
    await join('ada');
    const [, response] = await once(new Peer().socket, 'unexpected-response');
    const { statusCode, headers } = response as { statusCode: number; headers: Record<string, string> };
    expect([statusCode, headers['retry-after']]).toEqual([503, '5']);
  });
});

describe('HTTP', () => {
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${port()}${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${await tokenFor('backend')}`,
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...init.headers,
      },
    });
    return { status: response.status, body: (await response.json()) as Record<string, never> };
  };
  const post = (body: string, headers: Record<string, string> = {}) =>
    call('/v1/channels/chat%3Aa/messages', { method: 'POST', body, headers });

  it('publishes single messages and batches, and reads them back', async () => {
    expect(await post('{"payload":{"n":1},"event":"e"}')).toMatchObject({
      status: 200,
      body: { channel: 'chat:a', seq: 1 },
    });
    expect(await post('{"messages":[{"payload":2},{"payload":3}]}')).toMatchObject({
      status: 200,
      body: { results: [{ seq: 2 }, { seq: 3 }] },
    });
    const { body } = await call('/v1/channels/chat:a/messages?limit=2');
    expect(body).toMatchObject({
      more: true,
      messages: [
        { seq: 3, payload: 3 },
        { seq: 2, payload: 2 },
      ],
    });
  });

  it('[D3] answers a repeated Idempotency-Key with the first result', async () => {
    const first = await post('{"payload":1}', { 'idempotency-key': 'order-1' });
    expect(await post('{"payload":1}', { 'idempotency-key': 'order-1' })).toMatchObject({
      body: { seq: 1, id: first.body.id, duplicate: true },
    });
    expect(await post('{"payload":2}', { 'idempotency-key': 'order-1' })).toMatchObject({
      status: 409,
      body: { error: { code: 'IDEMPOTENCY_CONFLICT' } },
    });
  });

  it.each([
    ['{', 400, 'BODY_INVALID'],
    ['[]', 400, 'BODY_INVALID'],
    ['{"event":"x"}', 400, 'PAYLOAD_INVALID'],
    ['{"messages":[]}', 400, 'BODY_INVALID'],
    [`{"payload":"${'x'.repeat(70_000)}"}`, 413, 'FRAME_TOO_LARGE'],
    [`{"messages":[${Array(101).fill('{"payload":1}').join(',')}]}`, 413, 'BATCH_TOO_LARGE'],
  ])('refuses bad body %# with its code', async (body, status, code) => {
    expect(await post(body)).toMatchObject({ status, body: { error: { code, retryable: false } } });
  });

  it('refuses a `stored` that is neither true nor false instead of overlooking it', async () => {
    const body = '{"payload":1}';
    expect(await call('/v1/channels/chat:a/messages?stored=yes', { method: 'POST', body })).toMatchObject({
      status: 400,
      body: { error: { code: 'QUERY_INVALID' } },
    });
  });

  it('refuses without a token, with other content, at other addresses', async () => {
    expect(await call('/v1/channels/chat:a/messages', { headers: { authorization: '' } })).toMatchObject({
      status: 401,
      body: { error: { code: 'TOKEN_MISSING' } },
    });
    expect(await post('x', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: { error: { code: 'CONTENT_TYPE_UNSUPPORTED' } },
    });
    expect(await call('/v1/nothing')).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
    expect(await call('/v1/channels/bad%20name/messages')).toMatchObject({
      status: 400,
      body: { error: { code: 'CHANNEL_INVALID' } },
    });
  });

  it('serves exactly the addresses of docs/reference/gateway-openapi.json', async () => {
    const page = new URL('../../../docs/reference/gateway-openapi.json', import.meta.url);
    const { paths } = JSON.parse(readFileSync(page, 'utf8')) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    // The WebSocket has a specification of its own.
    const served = gateway.routes.filter((route) => !route.includes('/v1/ws'));
    expect(served.toSorted()).toEqual(documented.toSorted());
  });

  it('documents at every address that one client may have too many connections', () => {
    const page = new URL('../../../docs/reference/gateway-openapi.json', import.meta.url);
    const { paths } = JSON.parse(readFileSync(page, 'utf8')) as {
      paths: Record<string, Record<string, { responses: Record<string, object> }>>;
    };
    const answers = Object.values(paths).flatMap((methods) => Object.values(methods));
    for (const { responses } of answers)
      expect(responses['429']).toEqual({ $ref: '#/components/responses/AddressLimit' });
  });

  it('names settings of the broker that endanger messages, and serves all the same', async () => {
    const status = broker.status;
    const problem = 'maxmemory-policy is allkeys-lru';
    Object.assign(broker, { status: async () => ({ ...(await status()), problems: [problem] }) });
    // An answer of a moment ago, which the list of nodes has asked for, counts.
    await expect
      .poll(() => call('/ready'), { timeout: 10_000 })
      .toMatchObject({
        status: 200,
        body: { status: 'degraded', checks: { 'settings of the broker': { ok: false, problem } } },
      });
  });

  it('is ready, idle without clients, and has metrics', async () => {
    expect(await call('/ready')).toMatchObject({ status: 200, body: { status: 'ready' } });
    expect(await call('/health/websocket')).toMatchObject({
      status: 200,
      body: { status: 'idle', stats: { totalConnections: 0 } },
    });
    await join('ada');
    const metrics = await (await fetch(`http://127.0.0.1:${port()}/metrics`)).text();
    expect(metrics).toMatch(/^carillon_connections 1$/m);
  });
});

it('[O10] tells clients to come back elsewhere when it stops', async () => {
  const peer = await join('ada');
  const closed = peer.closed();
  await gateway.stop();
  expect(await closed).toMatchObject({ code: 4000 });
  expect(peer.frames.at(-1)).toMatchObject({ type: 'disconnect', reconnect: true });
});
