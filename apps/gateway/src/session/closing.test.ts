/** Order of a connection's frames, and its close. Rule numbers are those of packages/protocol/SPEC.md. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { AcceptedFrame, ErrorFrame } from '@carillon/protocol';
import { eventually } from '@carillon/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

let gateway: RunningGateway;
const peers: BarePeer[] = [];

beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(async () => {
  for (const { socket } of peers.splice(0)) socket.terminate();
  await gateway.stop();
});

describe('frames that are not even read', () => {
  it('[FR8] are answered in their place', async () => {
    const peer = new BarePeer(gateway.port);
    peers.push(peer);
    await once(peer.socket, 'open');
    // The token takes a while to be verified.
    peer.socket.send(JSON.stringify({ type: 'connect', id: 1, token: await tokenOf('ada') }));
    peer.socket.send(Buffer.from('binary'));
    peer.socket.send(JSON.stringify({ type: 'ping', id: 2 }));
    peer.socket.send(`"${'x'.repeat(70_000)}"`);
    await peer.until((frame) => frame.type === 'error' && frame.code === 'FRAME_TOO_LARGE');
    const heard = peer.frames.map((frame) =>
      frame.type === 'error' ? (frame as ErrorFrame).code : frame.type,
    );
    expect(heard).toEqual(['connected', 'FRAME_BINARY_UNSUPPORTED', 'pong', 'FRAME_TOO_LARGE']);
  });
});

describe('a client that is too slow', () => {
  it('[CL1 CL4] hears why, if it takes what waits for it within ten seconds', async () => {
    const publisher = await BarePeer.join(gateway.port, 'ada');
    const slow = await BarePeer.join(gateway.port, 'bob');
    peers.push(publisher, slow);
    await slow.ask({ type: 'subscribe', channels: [{ channel: 'big' }] });
    slow.socket.pause();
    const isClosed = () => gateway.log.some((line) => line.includes('slow consumer closed'));
    while (!isClosed())
      await publisher.ask<AcceptedFrame>({ type: 'publish', channel: 'big', payload: 'x'.repeat(60_000) });
    // Longer than other clients have.
    const closedAtMs = performance.now();
    await eventually(() => performance.now() - closedAtMs > 3000, { what: 'it sleeps' });
    slow.socket.resume();
    await eventually(() => slow.closeCode !== undefined, { what: 'it is closed' });
    expect(slow.closeCode).toBe(4002);
    expect(slow.frames.at(-1)).toMatchObject({ type: 'disconnect', code: 4002, reconnect: true });
    expect(gateway.log.filter((line) => line.includes('slow consumer closed'))).toHaveLength(1);
  });
});

describe('the end of a connection', () => {
  interface Gone {
    readonly msg: string;
    readonly code: number;
    readonly by: string;
    readonly address: string;
    readonly ageMs: number;
    readonly idleMs: number;
  }

  async function gone(): Promise<Gone> {
    const found = (): Gone | undefined =>
      gateway.log.map((line) => JSON.parse(line) as Gone).find(({ msg }) => msg === 'client gone');
    await eventually(() => found() !== undefined, { what: 'it is logged' });
    return found()!;
  }

  async function counted(): Promise<string | undefined> {
    const metrics = await (await fetch(`http://127.0.0.1:${gateway.port}/metrics`)).text();
    return /carillon_connections_closed_total\{code="(\d+)"\} 1/.exec(metrics)?.[1];
  }

  it('counts by its cause also where the client does not answer the close', async () => {
    await gateway.stop();
    gateway = await startGateway({ CARILLON_AUTH_TIMEOUT_MS: '100ms', CARILLON_PING_INTERVAL_MS: '100ms' });
    const peer = new BarePeer(gateway.port);
    peers.push(peer);
    await once(peer.socket, 'open');
    // It neither reads nor answers: the gateway cuts it off in the end.
    peer.socket.pause();
    expect(await gone()).toMatchObject({ code: 4100, by: 'gateway', address: '127.0.0.1' });
    expect(await counted()).toBe('4100');
  });

  it('counts by what the client did wrong where the library closes', async () => {
    const peer = await BarePeer.join(gateway.port, 'ada');
    peers.push(peer);
    (peer.socket as unknown as { _socket: Socket })._socket.write(
      Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]),
    );
    peer.socket.pause();
    expect(await gone()).toMatchObject({ code: 1007, by: 'gateway' });
    expect(await counted()).toBe('1007');
  });

  it('of a client that breaks off is its own, with its age and how long it was silent', async () => {
    const peer = await BarePeer.join(gateway.port, 'ada');
    peer.socket.terminate();
    const { code, by, ageMs, idleMs } = await gone();
    expect([code, by]).toEqual([1006, 'client']);
    expect(ageMs).toBeGreaterThanOrEqual(idleMs);
    expect(await counted()).toBe('1006');
  });
});
