/** Two gateways on one memory broker: what a back end asks of one, both do. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mintToken } from '@carillon/auth';
import { type Broker, createMemoryBroker } from '@carillon/broker';
import { loadConfig } from '@carillon/config';
import { encodeRecord, type ServerFrame } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { GROUPS } from '../config.ts';
import { createGateway, type Gateway } from '../gateway.ts';

const SECRET = 'user-routes-test-secret-0123456789-0123456789';
const TAB = 'tab-of-ada-0123456789';
const ALL = { '#*': ['control'] } as const;

describe('user and session operations', () => {
  let broker: Broker;
  let gateways: Gateway[];
  const sockets: WebSocket[] = [];

  beforeEach(async () => {
    broker = createMemoryBroker();
    await broker.start();
    gateways = [await start('one'), await start('two')];
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await broker.stop();
  });

  async function start(nodeId: string): Promise<Gateway> {
    const telemetry = createTelemetry({
      service: 'gateway',
      instanceId: nodeId,
      version: '0',
      levels: { level: 'silent', modules: {} },
      format: 'json',
      processMetrics: false,
    });
    const env = {
      CARILLON_REDIS_URL: 'redis://not.used',
      CARILLON_JWT_SECRET: SECRET,
      CARILLON_GATEWAY_PORT: '0',
      CARILLON_NODE_ID: nodeId,
      // Independent of the namespaces' policies.
      CARILLON_NAMESPACES: '{"default":{"ephemeral":true}}',
    };
    const gateway = await createGateway({ telemetry, broker, config: loadConfig(GROUPS, env).config });
    await gateway.start();
    return gateway;
  }

  function tokenOf(userId: string, capabilities: object, app = 'default'): Promise<string> {
    return mintToken({
      secret: SECRET,
      userId,
      capabilities: capabilities as never,
      expiresInMs: 60_000,
      claims: { app },
    });
  }

  async function join(gateway: Gateway, userId: string, { session = '', app = 'default' } = {}) {
    const { port } = gateway.server.server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, ['carillon.v1.json']);
    sockets.push(socket);
    const frames: ServerFrame[] = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data)) as ServerFrame));
    const closed = once(socket, 'close').then(([code]) => code as number);
    await once(socket, 'open');
    const token = await tokenOf(userId, {}, app);
    socket.send(JSON.stringify({ type: 'connect', id: 1, token, ...(session === '' ? {} : { session }) }));
    await once(socket, 'message');
    return { socket, frames, closed };
  }

  async function call(method: 'GET' | 'POST', url: string, payload?: object | string, rights: object = ALL) {
    const response = await gateways[0]!.server.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${await tokenOf('backend', rights)}`,
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: response.statusCode, body: response.json() };
  }

  const isOpen = ({ socket }: { readonly socket: WebSocket }): boolean => socket.readyState === socket.OPEN;

  it('[K9] ends all connections of a user, on all gateways, with the reason, and nobody else', async () => {
    const [here, there] = [
      await join(gateways[0]!, 'ada lovelace'),
      await join(gateways[1]!, 'ada lovelace'),
    ];
    const grace = await join(gateways[1]!, 'grace');
    const other = await join(gateways[1]!, 'ada lovelace', { app: 'another' });
    const answer = await call('POST', '/v1/users/ada%20lovelace/disconnect', {
      reason: 'You left the team.',
    });
    expect(answer).toEqual({ status: 200, body: { closed: 2, gateways: 2, silent: [] } });
    for (const peer of [here, there]) {
      expect(await peer.closed).toBe(4202);
      expect(peer.frames.at(-1)).toEqual({
        type: 'disconnect',
        code: 4202,
        reason: 'You left the team.',
        reconnect: false,
      });
    }
    expect([isOpen(grace), isOpen(other)]).toEqual([true, true]);
  });

  it('[K9] ends one session, and lets it come back', async () => {
    const [tab, another] = [
      await join(gateways[1]!, 'ada', { session: TAB }),
      await join(gateways[1]!, 'ada', { session: `${TAB}-2` }),
    ];
    const answer = await call('POST', `/v1/sessions/${TAB}/disconnect`, { reconnect: true });
    expect(answer).toMatchObject({ status: 200, body: { closed: 1 } });
    expect(await tab.closed).toBe(4005);
    expect(tab.frames.at(-1)).toMatchObject({ type: 'disconnect', reconnect: true });
    expect(isOpen(another)).toBe(true);
  });

  it('[K9] lists the sessions of a user', async () => {
    const before = Date.now();
    await join(gateways[1]!, 'ada', { session: TAB });
    await join(gateways[0]!, 'ada');
    await join(gateways[0]!, 'grace');
    const { status, body } = await call('GET', '/v1/users/ada/sessions');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      user: 'ada',
      sessions: [{ session: TAB, gateway: gateways[1]!.id, subscriptions: 0 }, { gateway: gateways[0]!.id }],
      more: false,
      gateways: 2,
      silent: [],
    });
    expect(body.sessions[1]).not.toHaveProperty('session');
    for (const { connectedAt } of body.sessions) {
      expect(connectedAt).toBeGreaterThanOrEqual(before - 1);
      expect(connectedAt).toBeLessThanOrEqual(Date.now() + 1);
    }
    expect(await call('GET', '/v1/users/nobody/sessions')).toMatchObject({ body: { sessions: [] } });
  });

  it('carries out a command once, also when it is published again after a loss', async () => {
    const command = {
      action: 'disconnect',
      target: { app: 'default', user: 'ada' },
      reconnect: true,
    };
    const content = { question: 'the-same', replyTo: '#/#control.nobody', command };
    const publishAgain = (id: string) =>
      broker.publisher.publish([
        {
          channel: '#/#control',
          id,
          record: encodeRecord({ id, timestamp: 0 }, JSON.stringify(content)),
          keeping: { history: undefined, durable: false },
        },
      ]);
    const first = await join(gateways[0]!, 'ada');
    await publishAgain('one');
    expect(await first.closed).toBe(4005);
    const second = await join(gateways[0]!, 'ada');
    await publishAgain('two');
    expect(await call('GET', '/v1/users/ada/sessions')).toMatchObject({ body: { sessions: [{}] } });
    expect(isOpen(second)).toBe(true);
  });

  it('names a gateway that does not answer', async () => {
    const mute = broker.feed('mute-gateway');
    const ignore = () => undefined;
    await mute.start({
      onMessage: ignore,
      onStored: ignore,
      onBatchEnd: ignore,
      onInterestLost: ignore,
      onDataLost: ignore,
      onConnection: ignore,
    });
    await mute.subscribe(['#/#control']);
    const answer = await call('POST', '/v1/users/ada/disconnect');
    expect(answer.body).toEqual({ closed: 0, gateways: 2, silent: ['mute-gateway'] });
    await mute.stop();
  });

  it('asks for the capability control', async () => {
    const ada = await join(gateways[0]!, 'ada', { session: TAB });
    const allButControl = ['subscribe', 'publish', 'presence', 'history'];
    for (const rights of [{ '*': ['control'] }, { '#*': allButControl }, { '#user:adam': ['control'] }]) {
      for (const [method, url] of [
        ['POST', '/v1/users/ada/disconnect'],
        ['GET', '/v1/users/ada/sessions'],
        ['POST', `/v1/sessions/${TAB}/disconnect`],
      ] as const)
        expect(await call(method, url, undefined, rights)).toMatchObject({
          status: 403,
          body: { error: { code: 'PERMISSION_DENIED' } },
        });
    }
    expect(isOpen(ada)).toBe(true);
    const one = { '#user:ada': ['control'] };
    expect(await call('POST', '/v1/users/ada/disconnect', undefined, one)).toMatchObject({
      body: { closed: 1 },
    });
  });

  it.each([
    ['{', 'BODY_INVALID'],
    ['[]', 'BODY_INVALID'],
    ['{"reconnect":"yes"}', 'BODY_INVALID'],
    ['{"reason":""}', 'BODY_INVALID'],
    [JSON.stringify({ reason: 'x'.repeat(201) }), 'BODY_INVALID'],
    ['{"raeson":"x"}', 'BODY_INVALID'],
  ])('refuses %s', async (body, code) => {
    expect(await call('POST', '/v1/users/ada/disconnect', body)).toMatchObject({
      status: 400,
      body: { error: { code } },
    });
  });

  it('refuses addresses that name nobody', async () => {
    for (const url of [`/v1/users/${'x'.repeat(250)}/disconnect`, '/v1/sessions/short/disconnect'])
      expect(await call('POST', url, {})).toMatchObject({
        status: 400,
        body: { error: { code: 'CHANNEL_INVALID' } },
      });
  });

  it('keeps what gateways tell each other, and #system, out of the measures', async () => {
    await join(gateways[0]!, 'ada');
    const disconnected = await call('POST', '/v1/users/nobody/disconnect');
    expect(disconnected.status).toBe(200);
    const { body } = await gateways[0]!.server.inject({ url: '/metrics' });
    const value = (name: string) => new RegExp(`^carillon_${name}(?:{[^}]*})? (\\d+)$`, 'm').exec(body)?.[1];
    expect(value('messages_delivered_total')).toBe('0');
    expect(value('delivery_latency_seconds_count')).toBe('0');
    expect(value('channels')).toBe('0');
  });

  it('keeps the channels of the gateways out of the count of channels, and of reach', async () => {
    const health = await gateways[0]!.server.inject({ url: '/health/websocket' });
    expect(health.json()).toMatchObject({ stats: { channels: 0 } });
    const { socket } = await join(gateways[0]!, 'ada');
    const answer = once(socket, 'message');
    socket.send(JSON.stringify({ type: 'subscribe', id: 2, channels: [{ channel: '#control' }] }));
    expect(JSON.parse(String((await answer)[0]))).toMatchObject({
      results: [{ error: { code: 'CHANNEL_INVALID' } }],
    });
  });
});
