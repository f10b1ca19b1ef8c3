/** Connections without a token: how many there may be, whom they cost a place, and whose they are behind a proxy. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { eventually } from '@carillon/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

const HAS_IPV6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

let gateway: RunningGateway;
const sockets: Socket[] = [];
const webSockets: WebSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const webSocket of webSockets.splice(0)) webSocket.terminate();
  await gateway.stop();
});

/** As from `address`, through a proxy on this machine. */
const BEHIND_PROXY = { CARILLON_TRUSTED_PROXIES: '127.0.0.1' };

/** Opens a connection and says nothing on it. */
async function silent(): Promise<Socket> {
  const socket = connect(gateway.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function upgraded(
  address?: string,
  headers: Record<string, string> = {},
  host = '127.0.0.1',
): Promise<WebSocket> {
  const webSocket = new WebSocket(`ws://${host}:${gateway.port}/v1/ws`, ['carillon.v1.json'], {
    headers: address === undefined ? headers : { 'x-forwarded-for': address, ...headers },
  });
  webSockets.push(webSocket);
  webSocket.on('error', () => undefined);
  await once(webSocket, 'open');
  return webSocket;
}

/** Resolves to the status that refuses it. */
async function refused(address: string): Promise<{ status: number; code: string }> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${gateway.port}/v1/ws`, {
    headers: { 'x-forwarded-for': address },
  });
  webSocket.on('error', () => undefined);
  const [, response] = (await once(webSocket, 'unexpected-response')) as [unknown, IncomingMessage];
  const { error } = JSON.parse(await text(response)) as { error: { code: string } };
  return { status: response.statusCode!, code: error.code };
}

async function metric(name: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
  get(`http://127.0.0.1:${gateway.port}/metrics`, { agent: false }, resolve);
  const lines = (await text(await promise)).split('\n');
  return Number(
    lines
      .find((line) => line.startsWith(name))
      ?.split(' ')
      .at(-1),
  );
}

describe('connections without a token', () => {
  it('take no place of users: 110 silent ones on a gateway for 100', async () => {
    gateway = await startGateway({ CARILLON_MAX_CONNECTIONS: '100' });
    for (let i = 0; i < 110; i++) await upgraded();
    for (let i = 0; i < 110; i++) await silent();
    const peer = await BarePeer.join(gateway.port, 'ada');
    expect(await peer.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    peer.socket.terminate();
  });

  it('[CN9] are bounded: the oldest is ended and told why, and that is counted and logged', async () => {
    gateway = await startGateway({ CARILLON_MAX_UNAUTHENTICATED: '3' });
    const oldest = await upgraded();
    const closed = once(oldest, 'close') as Promise<[number]>;
    for (let i = 0; i < 3; i++) await upgraded();
    expect((await closed)[0]).toBe(4003);
    expect(await metric('carillon_client_sockets_evicted_total')).toBeGreaterThanOrEqual(1);
    expect(gateway.log.join('')).toContain('CARILLON_MAX_UNAUTHENTICATED');
  });

  it.runIf(HAS_IPV6)('[CN9] are bounded on both addresses of localhost', async () => {
    gateway = await startGateway({ CARILLON_MAX_UNAUTHENTICATED: '3', CARILLON_HOST: 'localhost' });
    const oldest = await upgraded(undefined, {}, '[::1]');
    const closed = once(oldest, 'close') as Promise<[number]>;
    for (const host of ['127.0.0.1', '[::1]', '[::1]']) await upgraded(undefined, {}, host);
    expect((await closed)[0]).toBe(4003);
  });

  it('make room at the address that has most of them, also for those who say nothing', async () => {
    gateway = await startGateway({ CARILLON_MAX_UNAUTHENTICATED: '6', ...BEHIND_PROXY });
    const honest = await upgraded('198.51.100.1');
    let cut = 0;
    for (let i = 0; i < 20; i++) {
      const webSocket = await upgraded('203.0.113.9');
      webSocket.on('close', () => cut++);
    }
    await eventually(async () => cut >= 15, { what: 'the oldest of the attacker were ended' });
    expect(honest.readyState).toBe(WebSocket.OPEN);
  });

  it('of one IPv6 network count together', async () => {
    gateway = await startGateway({ CARILLON_MAX_UNAUTHENTICATED: '6', ...BEHIND_PROXY });
    const honest = [await upgraded('2001:db8:0:1::1'), await upgraded('198.51.100.1')];
    const attackers: WebSocket[] = [];
    for (let i = 0; i < 20; i++) attackers.push(await upgraded(`2001:db8:bad:1::${i.toString(16)}`));
    await eventually(async () => attackers[0]!.readyState === WebSocket.CLOSED, {
      what: 'its oldest is ended',
    });
    expect(honest.map(({ readyState }) => readyState)).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
  });

  it('count by what they are, and are counted no more when they are gone', async () => {
    gateway = await startGateway();
    const peer = await BarePeer.join(gateway.port, 'ada');
    const socket = await silent();
    await eventually(
      async () =>
        (await metric('carillon_client_sockets{state="authenticated"}')) === 1 &&
        (await metric('carillon_client_sockets{state="unauthenticated"}')) >= 2, // with the one that asks
      { what: 'both are counted' },
    );
    peer.socket.terminate();
    socket.destroy();
    await eventually(
      async () =>
        (await metric('carillon_client_sockets{state="authenticated"}')) === 0 &&
        (await metric('carillon_client_sockets{state="unauthenticated"}')) === 1,
      { what: 'none but the one that asks' },
    );
  });
});

describe('the connections of one address', () => {
  const LIMITED = { CARILLON_MAX_CONNECTIONS_PER_ADDRESS: '2', ...BEHIND_PROXY };

  it.each([
    ['ordinary requests', {}],
    ["requests that are left to Node's parser", { 'x-odd': 'a\tb' }],
  ])('are bounded behind a trusted proxy: %s', async (_name, how) => {
    gateway = await startGateway(LIMITED);
    await upgraded('203.0.113.9', how);
    await upgraded('198.51.100.200, 203.0.113.9', how);
    expect(await refused('203.0.113.9')).toEqual({ status: 429, code: 'ADDRESS_LIMIT' });
    await upgraded('203.0.113.10', how);
  });

  it('[CN9] are bounded by /64', async () => {
    gateway = await startGateway(LIMITED);
    await upgraded('2001:db8::1');
    await upgraded('2001:db8::2');
    expect(await refused('2001:db8::3')).toMatchObject({ code: 'ADDRESS_LIMIT' });
    await upgraded('2001:db8:0:1::3');
  });

  it('are not bounded for loopback, nor for a header that nobody vouches for', async () => {
    gateway = await startGateway({ CARILLON_MAX_CONNECTIONS_PER_ADDRESS: '2' });
    for (let i = 0; i < 4; i++) await upgraded('203.0.113.9');
  });

  it('are not bounded for the proxies themselves', async () => {
    gateway = await startGateway(LIMITED);
    for (let i = 0; i < 4; i++) await upgraded();
  });
});

describe('a gateway that is full', () => {
  it('[CN9] refuses who becomes known meanwhile, in words, and takes the next when there is room', async () => {
    gateway = await startGateway({ CARILLON_MAX_CONNECTIONS: '1', CARILLON_MAX_UNAUTHENTICATED: '9' });
    const late = new BarePeer(gateway.port);
    await once(late.socket, 'open');
    const only = await BarePeer.join(gateway.port, 'ada');
    late.send({ type: 'connect', id: 1, token: await tokenOf('bob') });
    expect(await late.until(({ type }) => type === 'error')).toMatchObject({ code: 'AT_CAPACITY', re: 1 });
    await eventually(async () => late.closeCode === 4003, { what: 'it is closed with AT_CAPACITY' });
    only.socket.terminate();
    await eventually(async () => (await metric('carillon_client_sockets{state="authenticated"}')) === 0, {
      what: 'the place is free',
    });
    (await BarePeer.join(gateway.port, 'bob')).socket.terminate();
  });

  it('answers HTTP, on connections that end with their answer', async () => {
    gateway = await startGateway({ CARILLON_MAX_CONNECTIONS: '1' });
    const only = await BarePeer.join(gateway.port, 'ada');
    const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/channels/a/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await tokenOf('ada')}`, 'content-type': 'application/json' },
      body: '{"payload":1}',
    });
    expect([response.status, response.headers.get('connection')]).toEqual([200, 'close']);
    only.socket.terminate();
  });
});
