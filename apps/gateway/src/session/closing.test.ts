/** What a client hears in which order, and at its end. Rule numbers are those of packages/protocol/SPEC.md. */
import { once } from 'node:events';
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
  });
});
