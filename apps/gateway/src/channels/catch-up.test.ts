/** Catching up on more than the send queue holds. Rule numbers are those of packages/protocol/SPEC.md. */
import type { AcceptedFrame, SubscribedFrame } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway } from '../running-gateway.suite.ts';

const MISSED = 400;
const PAYLOAD = 'x'.repeat(30_000);

let gateway: RunningGateway;
const peers: BarePeer[] = [];

const join = async (user: string): Promise<BarePeer> => {
  const peer = await BarePeer.join(gateway.port, user);
  peers.push(peer);
  return peer;
};

beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(async () => {
  for (const { socket } of peers.splice(0)) socket.terminate();
  await gateway.stop();
});

describe('catching up', () => {
  it('[SU5 CL4] gives a client that reads all it missed, live ones after it, however far beyond the send queue', async () => {
    const publisher = await join('ada');
    const publish = (payload: string) =>
      publisher.ask<AcceptedFrame>({ type: 'publish', channel: 'big', payload });
    const { epoch, seq } = await publish('before');
    for (let i = 0; i < MISSED; i++) await publish(PAYLOAD);
    const late = await join('bob');
    const { results } = await late.ask<SubscribedFrame>({
      type: 'subscribe',
      channels: [{ channel: 'big', position: { epoch, seq } }],
    });
    expect(results[0]).toMatchObject({ recovered: true, missed: MISSED });
    for (let i = 0; i < 50; i++) await publish(`live ${i}`);
    await late.until((frame) => frame.type === 'message' && frame.payload === 'live 49');
    const seqs = late.frames.flatMap((frame) => (frame.type === 'message' ? [frame.seq] : []));
    expect(seqs).toEqual(Array.from({ length: MISSED + 50 }, (_, i) => seq + 1 + i));
    expect(late.closeCode).toBeUndefined();
    expect(gateway.log.filter((line) => line.includes('slow consumer'))).toEqual([]);
  });

  it('[SU5] joins the live messages only when all that came meanwhile is sent', async () => {
    const publisher = await join('ada');
    const publish = (payload: string) =>
      publisher.ask<AcceptedFrame>({ type: 'publish', channel: 'big', payload });
    const { epoch, seq } = await publish('before');
    for (let i = 0; i < MISSED; i++) await publish(PAYLOAD);
    const late = await join('bob');
    await late.ask({ type: 'subscribe', channels: [{ channel: 'big', position: { epoch, seq } }] });
    // More than the send queue holds, while what was missed is still on its way.
    late.socket.pause();
    for (let i = 0; i < 100; i++) await publish(PAYLOAD);
    late.socket.resume();
    await publish('last');
    await late.until((frame) => frame.type === 'message' && frame.payload === 'last');
    const seqs = late.frames.flatMap((frame) => (frame.type === 'message' ? [frame.seq] : []));
    expect(seqs).toEqual(Array.from({ length: MISSED + 101 }, (_, i) => seq + 1 + i));
  });

  it('[SU7] ends with the answer to unsubscribe', async () => {
    const publisher = await join('ada');
    const publish = () => publisher.ask<AcceptedFrame>({ type: 'publish', channel: 'big', payload: PAYLOAD });
    const { epoch, seq } = await publish();
    for (let i = 0; i < MISSED; i++) await publish();
    const late = await join('bob');
    await late.ask({ type: 'subscribe', channels: [{ channel: 'big', position: { epoch, seq } }] });
    await late.ask({ type: 'unsubscribe', channels: ['big'] });
    const before = late.frames.length;
    await publish();
    await late.ask({ type: 'ping' });
    expect(late.frames.slice(before).map(({ type }) => type)).toEqual(['pong']);
  });
});
