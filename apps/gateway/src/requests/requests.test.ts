import { once } from 'node:events';
import type { ErrorFrame, HandedRequestFrame, ServerFrame } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

const BOTH = { 'quotes.*': ['request', 'answer'] };

let gateway: RunningGateway;
let peers: BarePeer[] = [];

const join = async (capabilities: object = BOTH, userId = 'ada'): Promise<BarePeer> => {
  const peer = new BarePeer(gateway.port);
  peers.push(peer);
  await once(peer.socket, 'open');
  await peer.ask({ type: 'connect', token: await tokenOf(userId, capabilities) });
  return peer;
};
const request = (peer: BarePeer, members: object = {}): Promise<ServerFrame> =>
  peer.ask({ type: 'request', method: 'quotes.price', payload: 1, ...members });
/** Without waiting for the answer. */
const post = (peer: BarePeer, id: string | number, members: object = {}): void =>
  peer.socket.send(JSON.stringify({ type: 'request', id, method: 'quotes.price', payload: 1, ...members }));
const handed = (peer: BarePeer, nth = 1): Promise<HandedRequestFrame> => {
  let left = nth;
  return peer.until((frame) => frame.type === 'request' && --left === 0) as Promise<HandedRequestFrame>;
};
const countOf = (peer: BarePeer, type: ServerFrame['type']): number =>
  peer.frames.filter((frame) => frame.type === type).length;
/** Everything that was sent to the peer before has arrived. */
const settled = (peer: BarePeer): Promise<ServerFrame> => peer.ask({ type: 'ping' });
const serve = (peer: BarePeer, members: object = {}): Promise<ServerFrame> =>
  peer.ask({ type: 'serve', methods: ['quotes.price'], ...members });
const respond = (peer: BarePeer, re: string, payload: unknown): void =>
  peer.socket.send(JSON.stringify({ type: 'response', id: 'answer', re, payload }));

beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(async () => {
  for (const { socket } of peers) socket.terminate();
  peers = [];
  await gateway.stop();
});

describe('requests', () => {
  it('[RQ1] [WK2] reach a worker with who asks, byte for byte, and so does the answer', async () => {
    const [asker, worker] = [await join(BOTH, 'ada'), await join(BOTH, 'bob')];
    expect(await serve(worker)).toMatchObject({ type: 'serving', methods: ['quotes.price'] });
    const raw: string[] = [];
    for (const peer of [asker, worker]) peer.socket.on('message', (data) => raw.push(String(data)));
    const text = '{"n": 1.00, "big":12345678901234567890}';
    asker.socket.send(
      `{"type":"request","id":"r","method":"quotes.price","timeoutMs":60000,"payload":${text}}`,
    );
    const { id, timeoutMs, user, connection } = await handed(worker);
    expect({ user, connection: typeof connection }).toEqual({ user: 'ada', connection: 'string' });
    // The time left exceeds the default timeout of requests.
    expect(timeoutMs).toBeGreaterThan(30_000);
    expect(timeoutMs).toBeLessThanOrEqual(60_000);
    worker.socket.send(`{"type":"response","id":1,"re":"${id}","payload":[ 1.50 ]}`);
    await asker.until(({ type }) => type === 'response');
    expect(raw[0]).toContain(`,"payload":${text}}`);
    expect(raw[1]).toBe('{"type":"response","re":"r","payload":[ 1.50 ]}');
  });

  it('[RQ2] [WK1] need capabilities on both sides', async () => {
    const nobody = await join({ '*': ['subscribe', 'publish', 'history'] });
    expect(await request(nobody)).toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(await serve(nobody)).toMatchObject({ code: 'PERMISSION_DENIED' });
    const asker = await join({ 'quotes.*': ['request'] });
    expect(await serve(asker)).toMatchObject({ code: 'PERMISSION_DENIED' });
    const worker = await join({ 'quotes.*': ['answer'] });
    const wrong = await serve(worker, { methods: ['quotes.price', 'orders.buy'] });
    expect(wrong).toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('orders.buy'),
    });
    // A refused `serve` changes nothing.
    expect(await request(asker)).toMatchObject({ code: 'NO_RESPONDER', retryable: true });
    expect(await request(worker)).toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it('[RQ4] time out, and [WK4] the worker has room again when it has answered', async () => {
    const [asker, worker] = [await join(), await join()];
    await serve(worker);
    expect(await request(asker, { timeoutMs: 50 })).toMatchObject({ code: 'TIMEOUT', retryable: true });
    const first = await handed(worker);
    await worker.until((frame) => frame.type === 'cancel' && frame.re === first.id);
    const second = request(asker, { payload: 2 });
    await settled(asker);
    await settled(worker);
    expect(countOf(worker, 'request')).toBe(1);
    respond(worker, first.id, 'too late');
    respond(worker, (await handed(worker, 2)).id, 'two');
    expect(await second).toMatchObject({ type: 'response', payload: 'two' });
    expect(countOf(asker, 'response')).toBe(1);
    expect(countOf(worker, 'error')).toBe(0);
  });

  it('[RQ5] are cancelled while they wait and while a worker has them', async () => {
    const [asker, worker] = [await join(), await join()];
    await serve(worker);
    post(asker, 'given');
    const { id } = await handed(worker);
    post(asker, 'waiting');
    for (const re of ['waiting', 'given', 'never there'])
      asker.socket.send(JSON.stringify({ type: 'cancel', id: 1, re }));
    const cancelled = (re: string) =>
      asker.until((frame) => 're' in frame && frame.re === re) as Promise<ErrorFrame>;
    for (const re of ['waiting', 'given'])
      expect(await cancelled(re)).toMatchObject({ code: 'REQUEST_CANCELLED' });
    await worker.until((frame) => frame.type === 'cancel' && frame.re === id);
    respond(worker, id, 'nobody wants it');
    await settled(worker);
    await settled(asker);
    expect([countOf(worker, 'request'), countOf(asker, 'error'), countOf(asker, 'response')]).toEqual([
      1, 2, 0,
    ]);
  });

  it('[RQ7] bring the error of the application', async () => {
    const [asker, worker] = [await join(), await join()];
    await serve(worker);
    const asked = request(asker);
    const { id: re } = await handed(worker);
    const error = { message: 'There is no such symbol.', reason: 'unknown-symbol', retryable: true };
    worker.socket.send(JSON.stringify({ type: 'response', id: 1, re, error }));
    expect(await asked).toMatchObject({ type: 'error', code: 'RESPONDER_ERROR', ...error });
  });

  it('[RQ8] are bounded per connection, and ids are not used twice at a time', async () => {
    await gateway.stop();
    gateway = await startGateway({ CARILLON_MAX_REQUESTS_PER_CONNECTION: '2' });
    const [asker, worker] = [await join(), await join()];
    await serve(worker, { concurrency: 10 });
    post(asker, 'a');
    post(asker, 'a');
    expect(await asker.until(({ type }) => type === 'error')).toMatchObject({ code: 'FRAME_INVALID' });
    post(asker, 'b');
    expect(await request(asker)).toMatchObject({ code: 'REQUEST_LIMIT', retryable: true });
    respond(worker, (await handed(worker)).id, 1);
    await asker.until(({ type }) => type === 'response');
    const next = request(asker);
    respond(worker, (await handed(worker, 3)).id, 1);
    expect(await next).toMatchObject({ type: 'response' });
  });

  it('[RQ9] are cancelled when the one who asks is gone', async () => {
    const [asker, worker] = [await join(), await join()];
    await serve(worker);
    post(asker, 'a');
    const { id } = await handed(worker);
    asker.socket.terminate();
    await worker.until((frame) => frame.type === 'cancel' && frame.re === id);
  });
});

describe('workers', () => {
  it('[WK3] never have more than their concurrency, and get the rest in order', async () => {
    const [asker, worker] = [await join(), await join()];
    await serve(worker, { concurrency: 3 });
    const asked = Array.from({ length: 7 }, (_, i) => request(asker, { payload: i }));
    await settled(asker);
    let most = 0;
    for (let i = 0; i < 7; i++) {
      const { id, payload } = await handed(worker, i + 1);
      await settled(worker);
      most = Math.max(most, countOf(worker, 'request') - i);
      expect(payload).toBe(i);
      respond(worker, id, payload);
    }
    expect(most).toBe(3);
    const answers = await Promise.all(asked);
    expect(answers.map((frame) => frame.type === 'response' && frame.payload)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('[WK5] are told of an answer to nothing and of a second one, and live on', async () => {
    const [asker, worker, stranger] = [await join(), await join(), await join()];
    await serve(worker);
    const asked = request(asker);
    const { id } = await handed(worker);
    const unknown = { type: 'error', re: 'answer', code: 'REQUEST_UNKNOWN' };
    respond(stranger, id, 'not mine');
    expect(await stranger.until(({ type }) => type === 'error')).toMatchObject(unknown);
    respond(worker, id, 'first');
    for (let i = 0; i < 20; i++) respond(worker, id, 'second');
    expect(await asked).toMatchObject({ payload: 'first' });
    await worker.until(({ type }) => type === 'error');
    await settled(worker);
    expect([countOf(worker, 'error'), worker.closeCode]).toEqual([20, undefined]);
  });

  it('[WK6] that are gone lose what they had, and what waited goes to others or is refused', async () => {
    const [asker, worker] = [await join(), await join()];
    await serve(worker);
    const asked = [request(asker, { payload: 1 }), request(asker, { payload: 2 })];
    await handed(worker);
    worker.socket.terminate();
    expect(await asked[0]).toMatchObject({ code: 'RESPONDER_LOST', retryable: true });
    expect(await asked[1]).toMatchObject({ code: 'NO_RESPONDER', retryable: true });
    const workers = [await join(), await join()];
    await serve(workers[0]!);
    const first = request(asker, { payload: 1 });
    await handed(workers[0]!);
    const second = request(asker, { payload: 2 });
    await settled(asker);
    workers[0]!.socket.send(JSON.stringify({ type: 'serve', id: 1, methods: [] }));
    expect(await second).toMatchObject({ code: 'NO_RESPONDER' });
    await serve(workers[1]!);
    const third = request(asker, { payload: 3 });
    respond(workers[1]!, (await handed(workers[1]!)).id, 'three');
    expect(await third).toMatchObject({ payload: 'three' });
    respond(workers[0]!, (await handed(workers[0]!)).id, 'one');
    expect(await first).toMatchObject({ payload: 'one' });
  });

  it('[WK7] lose the methods that a new token does not allow', async () => {
    const [asker, worker] = [await join(), await join({ '*': ['answer'] })];
    await serve(worker, { methods: ['quotes.price', 'quotes.list'] });
    const token = await tokenOf('ada', { 'quotes.list': ['answer'] });
    await worker.ask({ type: 'refresh', token });
    expect(worker.frames.at(-2)).toEqual({ type: 'serving', methods: ['quotes.list'] });
    expect(await request(asker)).toMatchObject({ code: 'NO_RESPONDER' });
    post(asker, 'a', { method: 'quotes.list' });
    expect(await handed(worker)).toMatchObject({ method: 'quotes.list' });
  });

  it('share the work according to their room', async () => {
    const [asker, ...workers] = [await join(), await join(), await join()];
    await serve(workers[0]!, { concurrency: 20 });
    await serve(workers[1]!, { concurrency: 10 });
    for (let i = 0; i < 30; i++) post(asker, `p${i}`);
    await settled(asker);
    for (const worker of workers) await settled(worker);
    expect(workers.map((worker) => countOf(worker, 'request'))).toEqual([20, 10]);
  });

  it('do not lose what they have when the gateway stops: it waits for their answers', async () => {
    const [asker, worker] = [await join(), await join()];
    const subscriber = await join({ '*': ['subscribe', 'publish'] });
    await subscriber.ask({ type: 'subscribe', channels: [{ channel: 'quotes.all' }] });
    await serve(worker);
    const asked = request(asker);
    const { id } = await handed(worker);
    const stopping = gateway.stop();
    let refused: ServerFrame;
    do refused = await request(asker);
    while ('code' in refused && refused.code !== 'DRAINING');
    // Others are served as ever.
    await subscriber.ask({ type: 'publish', channel: 'quotes.all', payload: 1 });
    await subscriber.until(({ type }) => type === 'message');
    respond(worker, id, 'in time');
    expect(await asked).toMatchObject({ payload: 'in time' });
    await stopping;
    gateway = await startGateway();
  });
});
