/** A new token on the live connection, through real sockets. Rule numbers are those of packages/protocol/SPEC.md. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mintToken } from '@carillon/auth';
import { createMemoryBroker } from '@carillon/broker';
import { loadConfig } from '@carillon/config';
import type { ServerFrame } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { GROUPS } from '../config.ts';
import { createGateway, type Gateway } from '../gateway.ts';

const SECRET = 'gateway-test-secret-0123456789-0123456789';
const ALL = { '*': ['subscribe', 'publish'] } as const;
const CHAT_ONLY = { 'chat:*': ['subscribe'] } as const;
const HOUR_MS = 3_600_000;

let gateway: Gateway;
let socket: WebSocket;
let frames: ServerFrame[];
let wake: () => void = () => undefined;
let ids = 0;

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { config } = loadConfig(GROUPS, {
    CARILLON_REDIS_URL: 'redis://not.used',
    CARILLON_JWT_SECRET: SECRET,
    CARILLON_GATEWAY_PORT: '0',
    ...env,
  });
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'error', modules: {} },
    format: 'json',
    stream: { write: () => undefined },
    processMetrics: false,
  });
  const broker = createMemoryBroker();
  await broker.start();
  gateway = await createGateway({ telemetry, broker, config });
  await gateway.start();
}

const token = (userId: string, capabilities: object = ALL, expiresInMs = HOUR_MS): Promise<string> =>
  mintToken({ secret: SECRET, userId, capabilities: capabilities as never, expiresInMs });

async function connect(jwt: string | undefined): Promise<void> {
  const { port } = gateway.server.server.address() as AddressInfo;
  socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, ['carillon.v1.json']);
  const own: ServerFrame[] = [];
  frames = own;
  socket.on('message', (data) => {
    own.push(JSON.parse(String(data)) as ServerFrame);
    wake();
  });
  await once(socket, 'open');
  await ask({ type: 'connect', ...(jwt === undefined ? {} : { token: jwt }) });
}

async function until(matches: (frame: ServerFrame) => boolean): Promise<ServerFrame> {
  for (;;) {
    const found = frames.find(matches);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

/** Sends a frame and waits for its answer. */
function ask(frame: object): Promise<ServerFrame> {
  const id = ++ids;
  socket.send(JSON.stringify({ id, ...frame }));
  return until((answer) => 're' in answer && answer.re === id);
}

const subscribe = (...channels: string[]) =>
  ask({ type: 'subscribe', channels: channels.map((channel) => ({ channel })) });
const publish = (channel: string, payload: unknown) => ask({ type: 'publish', channel, payload });
const got = (channel: string) =>
  frames.flatMap((frame) => (frame.type === 'message' && frame.channel === channel ? [frame.payload] : []));

/** Two: the first may have been on its way. */
async function pinged(): Promise<void> {
  for (let i = 0; i < 2; i++) await once(socket, 'ping');
}

beforeEach(async () => {
  // Tokens end by the wall clock. It stands still but where a test moves it: on a busy machine a token would end too early.
  vi.useFakeTimers({ toFake: ['Date'] });
  await start();
});
afterEach(async () => {
  vi.useRealTimers();
  socket.terminate();
  await gateway.stop();
});

describe('refresh', () => {
  it('[RF1] takes a new token of the same user, and the connection lives beyond the old one', async () => {
    await gateway.stop();
    await start({ CARILLON_JWT_LEEWAY_MS: '0', CARILLON_PING_INTERVAL_MS: '100ms' });
    await connect(await token('ada', ALL, 2_000));
    await subscribe('chat:lobby');
    const before = Date.now();
    const answer = await ask({ type: 'refresh', token: await token('ada') });
    expect(answer).toMatchObject({ type: 'refreshed', expiresAt: expect.any(Number) });
    expect((answer as { expiresAt: number }).expiresAt).toBeGreaterThan(before + HOUR_MS - 5_000);
    // Beyond the end of the first token, and a whole round of the heartbeat after it.
    vi.setSystemTime(before + 3_000);
    await pinged();
    await publish('chat:lobby', 'still here');
    await until(({ type }) => type === 'message');
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it('[CN6] without it the connection is closed with 4102', async () => {
    await gateway.stop();
    await start({ CARILLON_JWT_LEEWAY_MS: '0', CARILLON_PING_INTERVAL_MS: '100ms' });
    await connect(await token('ada', ALL, 1_000));
    const closed = once(socket, 'close');
    vi.setSystemTime(Date.now() + 2_000);
    expect((await closed)[0]).toBe(4102);
  });

  it('[RF2] refuses a token of another user or app, and changes nothing', async () => {
    await connect(await token('ada'));
    await subscribe('chat:lobby');
    const refused = { type: 'error', code: 'TOKEN_USER_MISMATCH', retryable: false };
    expect(await ask({ type: 'refresh', token: await token('grace', CHAT_ONLY) })).toMatchObject(refused);
    const elsewhere = mintToken({ secret: SECRET, userId: 'ada', app: 'other', expiresInMs: HOUR_MS });
    expect(await ask({ type: 'refresh', token: await elsewhere })).toMatchObject(refused);
    expect(await publish('news', 1)).toMatchObject({ type: 'accepted' });
    await publish('chat:lobby', 'x');
    await until(({ type }) => type === 'message');
  });

  it('[RF2] refuses an invalid token with its code, and the connection goes on', async () => {
    await connect(await token('ada'));
    const wrong = await mintToken({ secret: `${SECRET}-other`, userId: 'ada', expiresInMs: HOUR_MS });
    const answer = await ask({ type: 'refresh', token: wrong });
    expect(answer).toMatchObject({ type: 'error', code: 'TOKEN_SIGNATURE_INVALID' });
    expect(await ask({ type: 'refresh' })).toMatchObject({ type: 'error', code: 'FRAME_INVALID' });
    expect(await publish('news', 1)).toMatchObject({ type: 'accepted' });
  });

  it('[RF2] refuses to make somebody of an anonymous connection', async () => {
    await gateway.stop();
    await start({ CARILLON_ANONYMOUS: '{"public:*":["subscribe"]}' });
    await connect(undefined);
    const answer = await ask({ type: 'refresh', token: await token('ada') });
    expect(answer).toMatchObject({ type: 'error', code: 'TOKEN_USER_MISMATCH' });
    expect(await publish('news', 1)).toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it('[CN1] refuses it before connect', async () => {
    await connect(await token('ada'));
    const { port } = gateway.server.server.address() as AddressInfo;
    const early = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`);
    await once(early, 'open');
    early.send(JSON.stringify({ type: 'refresh', id: 1, token: await token('ada') }));
    const [data] = (await once(early, 'message')) as [Buffer];
    expect(JSON.parse(String(data))).toMatchObject({ re: 1, code: 'FRAME_OUT_OF_STATE' });
    early.terminate();
  });

  it('[RF3] replaces the capabilities and ends the subscriptions that they no longer allow', async () => {
    await connect(await token('ada'));
    await subscribe('chat:lobby', 'news');
    const answer = await ask({ type: 'refresh', token: await token('ada', CHAT_ONLY) });
    const order = frames.map(({ type }) => type);
    expect(order.slice(-2)).toEqual(['ended', 'refreshed']);
    expect(frames.at(-2)).toMatchObject({ channel: 'news', code: 'PERMISSION_DENIED', retryable: false });
    expect(answer.type).toBe('refreshed');
    expect(await publish('chat:lobby', 1)).toMatchObject({ code: 'PERMISSION_DENIED' });
    const first = { socket, frames };
    await connect(await token('grace'));
    await publish('news', 'secret');
    await publish('chat:lobby', 'hello');
    ({ socket, frames } = first);
    await until(({ type }) => type === 'message');
    expect(got('news')).toEqual([]);
    expect(got('chat:lobby')).toEqual(['hello']);
  });
});

describe('token_expiring', () => {
  it('[RF4] comes once per token when it has less than the threshold left', async () => {
    await gateway.stop();
    await start({ CARILLON_PING_INTERVAL_MS: '100ms', CARILLON_TOKEN_EXPIRING_MS: '60s' });
    await connect(await token('ada', ALL, 30_000));
    const warnings = () => frames.filter(({ type }) => type === 'token_expiring').length;
    const warning = await until(({ type }) => type === 'token_expiring');
    const { expiresAt, timestamp } = warning as { expiresAt: number; timestamp: number };
    expect(expiresAt - timestamp).toBeLessThanOrEqual(31_000);
    // Pings go on after it, and say nothing more about it.
    await pinged();
    expect(warnings()).toBe(1);
    await ask({ type: 'refresh', token: await token('ada') });
    await pinged();
    expect(warnings()).toBe(1);
    await ask({ type: 'refresh', token: await token('ada', ALL, 30_000) });
    await pinged();
    expect(warnings()).toBe(2);
  });
});
