/** Many large requests at once are no reason to close whoever takes them slowly. */
import { once } from 'node:events';
import type { ServerFrame } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

const COUNT = 250;
const PAYLOAD = 'x'.repeat(60_000);
const BOTH = { 'quotes.*': ['request', 'answer'] };

let gateway: RunningGateway;
const peers: BarePeer[] = [];

async function join(): Promise<BarePeer> {
  const peer = new BarePeer(gateway.port);
  peers.push(peer);
  await once(peer.socket, 'open');
  await peer.ask({ type: 'connect', token: await tokenOf('ada', BOTH) });
  return peer;
}
const framesOf = (peer: BarePeer, type: ServerFrame['type']): readonly ServerFrame[] =>
  peer.frames.filter((frame) => frame.type === type);
const all = (peer: BarePeer, type: ServerFrame['type']): Promise<ServerFrame> =>
  peer.until(() => framesOf(peer, type).length === COUNT);
const respond = (peer: BarePeer, { id }: { readonly id?: unknown }, payload: unknown): void =>
  peer.socket.send(JSON.stringify({ type: 'response', id: 1, re: id, payload }));

beforeEach(async () => {
  gateway = await startGateway({ CARILLON_SEND_QUEUE_BYTES: '128KiB', CARILLON_REQUEST_TIMEOUT_MS: '60s' });
});
afterEach(async () => {
  for (const { socket } of peers.splice(0)) socket.terminate();
  await gateway.stop();
});

describe('slow peers', () => {
  it('[WK3] a worker that does not read gets no more than fits, and the rest when it reads again', async () => {
    const [asker, worker] = [await join(), await join()];
    await worker.ask({ type: 'serve', methods: ['quotes.a'], concurrency: 1000 });
    worker.socket.pause();
    for (let id = 0; id < COUNT; id++)
      asker.socket.send(JSON.stringify({ type: 'request', id, method: 'quotes.a', payload: PAYLOAD }));
    await asker.ask({ type: 'ping' });
    worker.socket.resume();
    await all(worker, 'request');
    for (const frame of framesOf(worker, 'request')) respond(worker, frame as { readonly id?: unknown }, 1);
    await all(asker, 'response');
    expect([asker.closeCode, worker.closeCode]).toEqual([undefined, undefined]);
  });

  it('[RQ1] a client that does not read gets its answers when it reads again', async () => {
    const [asker, worker] = [await join(), await join()];
    await worker.ask({ type: 'serve', methods: ['quotes.a'], concurrency: 1000 });
    for (let id = 0; id < COUNT; id++)
      asker.socket.send(JSON.stringify({ type: 'request', id, method: 'quotes.a', payload: id }));
    await all(worker, 'request');
    asker.socket.pause();
    for (const frame of framesOf(worker, 'request'))
      respond(worker, frame as { readonly id?: unknown }, PAYLOAD);
    await worker.ask({ type: 'ping' });
    asker.socket.resume();
    await all(asker, 'response');
    expect([asker.closeCode, worker.closeCode]).toEqual([undefined, undefined]);
  });
});
