/** What operators do to a gateway: drain it at a rate, stop that, have it refuse new connections. */
import { request } from 'node:http';
import { type Broker, type ControlNode, createMemoryBroker } from '@carillon/broker';
import type { ServerFrame } from '@carillon/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

const PATIENT = { timeout: 20_000, interval: 20 };
const DEADLINE_MS = 10_000;

let broker: Broker;
let operator: ControlNode;
let gateway: RunningGateway;
let peers: BarePeer[];

beforeEach(async () => {
  broker = createMemoryBroker({ limits: { gatewayHeartbeatMs: 50 } });
  await broker.start();
  operator = broker.control({ node: 'operator', service: 'admin' }, async () => ({}));
  await operator.start();
  peers = [];
});
afterEach(async () => {
  for (const { socket } of peers) socket.terminate();
  await gateway.stop();
  await operator.stop();
  await broker.stop();
});

async function start(count: number, env: Readonly<Record<string, string>> = {}): Promise<void> {
  gateway = await startGateway(env, broker);
  peers = await Promise.all(Array.from({ length: count }, (_, i) => BarePeer.join(gateway.port, `u${i}`)));
}

async function status(): Promise<Record<string, unknown>> {
  const { nodes } = await operator.nodes({ service: 'gateway', limit: 10 });
  return { id: nodes[0]!.node, ...nodes[0]!.status };
}

async function command(name: string, input: object = {}): Promise<Record<string, unknown>> {
  const { id } = await status();
  return (await operator.ask(id as string, name, { input, deadlineMs: DEADLINE_MS })) as never;
}

const url = (path: string): string => `http://127.0.0.1:${gateway.port}${path}`;
const isReady = async (): Promise<boolean> => (await fetch(url('/ready'))).status === 200;
const isGone = ({ closeCode }: BarePeer): boolean => closeCode !== undefined;
const gone = (): number => peers.filter(isGone).length;

/** How a new client fares: `undefined` when it is taken, else the code of its refusal and for how long. */
async function refusalOfNew(): Promise<readonly [string, string | null] | undefined> {
  const headers = {
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  return await new Promise((resolve, reject) => {
    const asked = request(url('/v1/ws'), { headers });
    asked.on('error', reject);
    asked.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve(undefined);
    });
    asked.on('response', (response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part.toString();
      });
      response.on('end', () => {
        const { error } = JSON.parse(text) as { error: { code: string } };
        resolve([error.code, response.headers['retry-after'] ?? null]);
      });
    });
    asked.end();
  });
}

function disconnectOf(peer: BarePeer): Extract<ServerFrame, { type: 'disconnect' }> {
  return peer.frames.find((frame) => frame.type === 'disconnect') as never;
}

it('tells clients to go elsewhere at the rate, with a slot each, shows how far it is, and takes nobody until it is stopped', async () => {
  await start(30);
  const closedAtMs: number[] = [];
  for (const { socket } of peers) socket.on('close', () => closedAtMs.push(performance.now()));
  const began = performance.now();
  expect(await command('drain.begin', { ratePerSecond: 20 })).toMatchObject({
    newConnections: 'refused',
    drain: { state: 'draining', ratePerSecond: 20, total: 30, told: 0, remaining: 30 },
  });
  expect(await refusalOfNew()).toEqual(['DRAINING', '1']);
  expect(await isReady()).toBe(false);
  await expect
    .poll(async () => ((await status()).drain as { told: number }).told, PATIENT)
    .toBeGreaterThan(2);
  expect(((await status()).drain as { state: string }).state).toBe('draining');
  await expect.poll(gone, PATIENT).toBe(30);
  // None before its turn, at 20 a second, less a tick; a busy machine makes them later.
  for (const [i, at] of closedAtMs.entries()) expect(at - began).toBeGreaterThan(i * 50 - 100);
  for (const peer of peers) {
    expect(disconnectOf(peer)).toMatchObject({ code: 4000, reconnect: true });
    expect(disconnectOf(peer).retryAfterMs).toBeLessThanOrEqual(100);
  }
  await expect
    .poll(async () => (await status()).drain, PATIENT)
    .toMatchObject({ state: 'drained', total: 30, told: 30, remaining: 0 });
  expect(await refusalOfNew()).toEqual(['DRAINING', '1']);
  expect(await command('drain.stop')).toMatchObject({ newConnections: 'accepted', drain: null });
  expect(await refusalOfNew()).toBeUndefined();
  expect(await isReady()).toBe(true);
});

it('stopped half-way, those that are left stay and are served; begun again, it goes on at the new rate', async () => {
  await start(20);
  await command('drain.begin', { ratePerSecond: 10 });
  await expect.poll(gone, PATIENT).toBeGreaterThan(3);
  await command('drain.stop');
  await command('drain.stop');
  // Ten more would have gone by then.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const left = peers.filter((peer) => !isGone(peer));
  expect(left.length).toBeGreaterThan(9);
  for (const peer of left) {
    const answer = await peer.ask({ type: 'subscribe', channels: [{ channel: 'a' }] });
    expect(answer.type).toBe('subscribed');
  }
  expect(await isReady()).toBe(true);
  await command('drain.begin', { ratePerSecond: 1 });
  await command('drain.begin', { ratePerSecond: 1000 });
  await expect.poll(gone, PATIENT).toBe(20);
});

it('a client with an open request is told when it is answered', async () => {
  await start(0, { CARILLON_REQUEST_TIMEOUT_MS: '60s' });
  const answers = { '*': ['request', 'answer'] };
  const join = async (user: string): Promise<BarePeer> => {
    const peer = new BarePeer(gateway.port);
    await new Promise((resolve) => peer.socket.once('open', resolve));
    await peer.ask({ type: 'connect', token: await tokenOf(user, answers) });
    peers.push(peer);
    return peer;
  };
  const [worker, client] = [await join('worker'), await join('client')];
  const idle = await join('idle');
  await worker.ask({ type: 'serve', methods: ['slow'] });
  client.send({ type: 'request', id: 'r1', method: 'slow', payload: 1 });
  const asked = (await worker.until(({ type }) => type === 'request')) as { id: string };
  await command('drain.begin', { ratePerSecond: 100 });
  await expect.poll(() => isGone(idle), PATIENT).toBe(true);
  // Several ticks.
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([isGone(worker), isGone(client)]).toEqual([false, false]);
  worker.send({ type: 'response', id: 'answer', re: asked.id, payload: 'done' });
  expect(await client.until(({ type }) => type === 'response')).toMatchObject({ payload: 'done' });
  await expect.poll(gone, PATIENT).toBe(3);
});

it('refuses new connections with a code and keeps those that it has, until it is to take them again', async () => {
  await start(1);
  expect(await command('new-connections', { allowed: false })).toMatchObject({ newConnections: 'refused' });
  expect(await refusalOfNew()).toEqual(['NEW_CONNECTIONS_REFUSED', '1']);
  expect(await isReady()).toBe(false);
  // A drain that ends leaves what an operator wanted besides.
  await command('drain.begin', { ratePerSecond: 0.1 });
  expect(await command('drain.stop')).toMatchObject({ newConnections: 'refused' });
  expect((await peers[0]!.ask({ type: 'subscribe', channels: [{ channel: 'a' }] })).type).toBe('subscribed');
  expect(await command('new-connections', { allowed: true })).toMatchObject({ newConnections: 'accepted' });
  expect(await refusalOfNew()).toBeUndefined();
  expect(await isReady()).toBe(true);
});

it('a stop of the process drains at the rate of CARILLON_DRAIN_RATE_PER_SECOND, and serves who is still there', async () => {
  await start(20, { CARILLON_DRAIN_RATE_PER_SECOND: '20' });
  const began = performance.now();
  const stopping = gateway.stop();
  await expect.poll(gone, PATIENT).toBeGreaterThan(2);
  const last = peers.findLast((peer) => !isGone(peer))!;
  expect((await last.ask({ type: 'subscribe', channels: [{ channel: 'a' }] })).type).toBe('subscribed');
  await stopping;
  expect(performance.now() - began).toBeGreaterThan(800);
  for (const peer of peers) expect(disconnectOf(peer)).toMatchObject({ code: 4000 });
});

it.each([[{ ratePerSecond: 0 }], [{ ratePerSecond: '9' }], [{}]])('refuses the rate of %j', async (input) => {
  await start(0);
  await expect(command('drain.begin', input)).rejects.toMatchObject({ code: 'BODY_INVALID' });
  expect(await command('new-connections', { allowed: true })).toMatchObject({ drain: null });
});
