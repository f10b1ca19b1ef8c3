/** Publishers without a token: each has producers of its own, apart from all others. */
import { once } from 'node:events';
import type { ServerFrame } from '@carillon/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

const CHANNEL = 'public:a';
const PRODUCER = 'p-7f3a9c21';
let gateway: RunningGateway;
const peers: BarePeer[] = [];

beforeEach(async () => {
  gateway = await startGateway({
    CARILLON_ANONYMOUS: '{"public:*":["publish","subscribe"]}',
    CARILLON_NAMESPACES: '{"public":{"durable":false,"ackTimeoutMs":"1m"}}',
  });
});
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.terminate();
  await gateway.stop();
});

async function join(session?: string): Promise<BarePeer> {
  const peer = new BarePeer(gateway.port);
  peers.push(peer);
  await once(peer.socket, 'open');
  await peer.ask({ type: 'connect', ...(session === undefined ? {} : { session }) });
  return peer;
}

const publish = (peer: BarePeer, seq: number, payload: string): Promise<ServerFrame> =>
  peer.ask({ type: 'publish', channel: CHANNEL, payload, producer: { id: PRODUCER, seq, prev: seq - 1 } });

async function post(payload: string, key: string, token?: string) {
  const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/channels/${CHANNEL}/messages`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': key,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ payload }),
  });
  return (await response.json()) as { id?: string; duplicate?: true; error?: { code: string } };
}

it("[PU8] a client without a token does not take a user's Idempotency-Key, however it writes it", async () => {
  const ada = await tokenOf('ada');
  for (const key of ['order-17', '3:ada|order-17', '-order-17']) await post('stranger', key);
  const paid = await post('paid', 'order-17', ada);
  expect(paid).toMatchObject({ id: expect.any(String) });
  expect(paid.duplicate).toBeUndefined();
  expect(await post('paid', 'order-17', ada)).toMatchObject({ id: paid.id, duplicate: true });
});

it('[PU8] a key that another client without a token has used for something else takes nothing away', async () => {
  await post('stranger', 'order-17');
  const mine = await post('mine', 'order-17');
  expect([mine.error, mine.duplicate]).toEqual([undefined, undefined]);
  expect(await post('mine', 'order-17')).toMatchObject({ id: mine.id, duplicate: true });
});

it('[PU8] a producer of a client without a token belongs to its session, whoever has seen its id', async () => {
  const [mine, theirs] = [await join('session-of-mine-01'), await join('session-of-theirs')];
  await theirs.ask({ type: 'subscribe', channels: [{ channel: CHANNEL }] });
  expect(await publish(mine, 1, 'first')).toMatchObject({ type: 'accepted' });
  const seen = await theirs.until((frame) => frame.type === 'message');
  expect(seen).toMatchObject({ producer: PRODUCER });
  // Ahead of its owner, and again with other content: both are the stranger's own.
  for (const seq of [1, 2, 3]) {
    const answer = await publish(theirs, seq, 'stranger');
    expect(answer).toMatchObject({ type: 'accepted' });
    expect(answer).not.toHaveProperty('duplicate');
  }
  const second = await publish(mine, 2, 'second');
  expect(second).toMatchObject({ type: 'accepted' });
  expect(second).not.toHaveProperty('duplicate');
  // Over connections it is recognised by its session.
  mine.socket.terminate();
  const again = await join('session-of-mine-01');
  expect(await publish(again, 2, 'second')).toMatchObject({ duplicate: true });
});

it('[PU8] without a session it belongs to the connection', async () => {
  const [mine, theirs] = [await join(), await join()];
  expect(await publish(mine, 1, 'mine')).not.toHaveProperty('duplicate');
  expect(await publish(theirs, 1, 'stranger')).toMatchObject({ type: 'accepted' });
  expect(await publish(mine, 1, 'mine')).toMatchObject({ duplicate: true });
});

it('[AK1] a client without a token has no consumers: all would share them', async () => {
  const peer = await join('session-of-mine-01');
  const answer = await peer.ask({ type: 'subscribe', channels: [{ channel: CHANNEL, consumer: 'billing' }] });
  expect(answer).toMatchObject({ results: [{ error: { code: 'PERMISSION_DENIED' } }] });
});
