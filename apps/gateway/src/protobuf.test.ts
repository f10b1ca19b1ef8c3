/** Frames of every kind over protobuf, and batches, through real sockets. Rule numbers are those of packages/protocol/SPEC.md. */
import { once } from 'node:events';
import type { MessageFrame, ServerFrame } from '@carillon/protocol';
import { decodeServerFrame, VALUES } from '@carillon/protocol/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { EncodingName } from './egress/frame.ts';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from './running-gateway.suite.ts';

const RIGHTS = {
  '*': ['subscribe', 'publish', 'history'],
  '#system': ['publish'],
  'quotes.*': ['request', 'answer'],
};
const LONG_DELAY_MS = 5000;

let gateway: RunningGateway;
let peers: BarePeer[] = [];

beforeEach(async () => {
  gateway = await startGateway({
    CARILLON_NAMESPACES: JSON.stringify({ orders: { ackTimeoutMs: 200 }, talk: { durable: false } }),
  });
});
afterEach(async () => {
  for (const { socket } of peers) socket.terminate();
  peers = [];
  await gateway.stop();
});

async function join(userId: string, encoding: EncodingName, members: object = {}): Promise<BarePeer> {
  const token = await tokenOf(userId, RIGHTS);
  const peer = await BarePeer.join(gateway.port, userId, encoding, { token, ...members });
  peers.push(peer);
  return peer;
}

const subscribe = (peer: BarePeer, channel: string, members: object = {}) =>
  peer.ask({ type: 'subscribe', channels: [{ channel, ...members }] });
const publish = (peer: BarePeer, channel: string, payload: unknown) =>
  peer.ask({ type: 'publish', channel, payload });
const framesOf = (peer: BarePeer, ...types: ServerFrame['type'][]) =>
  peer.frames.filter(({ type }) => types.includes(type));
/** To a peer without batches: the gateway has it, and it waits in the batches of the others. */
const delivered = (peer: BarePeer, payload: unknown) =>
  peer.until((frame) => frame.type === 'message' && frame.payload === payload);

/** One, or those of a batch. */
function messagesIn(frame: ServerFrame): readonly MessageFrame[] {
  if (frame.type === 'message_batch') return frame.messages;
  return frame.type === 'message' ? [frame] : [];
}

describe('the encoding', () => {
  it.each([
    [['carillon.v1.protobuf', 'carillon.v1.json'], 'carillon.v1.protobuf'],
    [['carillon.v1.json', 'carillon.v1.protobuf'], 'carillon.v1.json'],
    [['carillon.token.a.b.c', 'carillon.v1.protobuf'], 'carillon.v1.protobuf'],
    [['carillon.v2.cbor', 'carillon.v1.json'], 'carillon.v1.json'],
  ])('[CN2] of %j is %s', async (offered, selected) => {
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/v1/ws`, offered);
    await once(socket, 'open');
    expect(socket.protocol).toBe(selected);
    socket.terminate();
  });

  it('[PB1] text on a connection in protobuf, and bytes on one in JSON, are refused, and the connection lives on', async () => {
    const [inProtobuf, inJson] = [await join('ada', 'protobuf'), await join('ada', 'json')];
    inProtobuf.socket.send('{"type":"ping","id":1}');
    expect(await inProtobuf.until(({ type }) => type === 'error')).toMatchObject({
      code: 'FRAME_TEXT_UNSUPPORTED',
    });
    inJson.socket.send(Buffer.alloc(1));
    expect(await inJson.until(({ type }) => type === 'error')).toMatchObject({
      code: 'FRAME_BINARY_UNSUPPORTED',
    });
    for (const peer of [inProtobuf, inJson])
      expect(await peer.ask({ type: 'ping', timestamp: 7 })).toMatchObject({ type: 'pong', timestamp: 7 });
  });
});

describe('in protobuf', () => {
  it('[PB3] every frame has the answer that it has in JSON', async () => {
    const conversation = async (encoding: EncodingName): Promise<unknown[]> => {
      const channel = `talk:${encoding}`;
      const peer = await join('ada', encoding);
      const answers = [
        await publish(peer, channel, { n: 1 }),
        await subscribe(peer, channel, { position: { epoch: 'nothing', seq: 1 } }),
        await subscribe(peer, 'bad name'),
        await publish(peer, channel, null),
      ];
      await peer.until(({ type }) => type === 'message');
      answers.push(
        await publish(peer, '#user:x', 1),
        await peer.ask({ type: 'history', channel, limit: 1 }),
        await peer.ask({ type: 'history', channel: 'talk:none' }),
        await peer.ask({ type: 'ack', channel, epoch: 'a', seq: 1 }),
        await peer.ask({ type: 'refresh', token: await tokenOf('bob', RIGHTS) }),
        await peer.ask({ type: 'refresh', token: await tokenOf('ada', RIGHTS) }),
        await peer.ask({ type: 'serve', methods: ['other.method'] }),
        await peer.ask({ type: 'request', method: 'quotes.none', payload: 1 }),
        await peer.ask({ type: 'unsubscribe', channels: [channel, 'talk:other'] }),
        await peer.ask({ type: 'connect' }),
      );
      const text = JSON.stringify([...answers, ...framesOf(peer, 'message')]);
      // Members that differ from one connection to the next.
      const same = text
        .replaceAll(encoding, 'x')
        .replaceAll(/"(epoch|id)":"[^"]*"/g, '"$1":""')
        .replaceAll(/"(timestamp|expiresAt)":\d+/g, '"$1":0');
      return JSON.parse(same) as unknown[];
    };
    const inProtobuf = await conversation('protobuf');
    expect(inProtobuf).toEqual(await conversation('json'));
    expect(inProtobuf.map((frame) => (frame as ServerFrame).type)).toEqual([
      'accepted',
      'subscribed',
      'subscribed',
      'accepted',
      'error',
      'history',
      'history',
      'error',
      'error',
      'refreshed',
      'error',
      'error',
      'unsubscribed',
      'error',
      'message',
      'message',
    ]);
  });

  it('[BY2] [BY3] bytes are bytes, and base64 for JSON; JSON text passes unchanged', async () => {
    const [inProtobuf, inJson] = [await join('ada', 'protobuf'), await join('bob', 'json')];
    for (const peer of [inProtobuf, inJson]) await subscribe(peer, 'chart:a');
    const raw: string[] = [];
    inJson.socket.on('message', (data) => raw.push(String(data)));
    await publish(inProtobuf, 'chart:a', Float32Array.of(1, 2));
    inJson.socket.send(
      '{"type":"publish","id":"t","channel":"chart:a","payload": {"n": 1.0, "$bytes":"AAAA","$type":"u8"} }',
    );
    await publish(inJson, 'chart:a', { $bytes: 'AACAPw==', $type: 'f32' });
    await inProtobuf.until((frame) => frame.type === 'message' && frame.seq === 3);
    await inJson.until((frame) => frame.type === 'message' && frame.seq === 3);
    const payloads = framesOf(inProtobuf, 'message').map((frame) => (frame as { payload: unknown }).payload);
    expect(payloads).toEqual([
      Float32Array.of(1, 2),
      { n: 1, $bytes: 'AAAA', $type: 'u8' },
      Float32Array.of(1),
    ]);
    const messages = raw.filter((text) => text.startsWith('{"type":"message"'));
    expect(messages[0]).toContain('"payload":{"$bytes":"AACAPwAAAEA=","$type":"f32"}}');
    expect(messages[1]).toContain('"payload":{"n": 1.0, "$bytes":"AAAA","$type":"u8"}}');
  });

  it('[RQ1] [WK2] requests and answers pass between the encodings', async () => {
    const [asker, worker] = [await join('ada', 'protobuf'), await join('bob', 'json')];
    await worker.ask({ type: 'serve', methods: ['quotes.price'] });
    asker.send({ type: 'request', id: 'r1', method: 'quotes.price', payload: Uint8Array.of(1) });
    const handed = await worker.until(({ type }) => type === 'request');
    expect(handed).toMatchObject({ user: 'ada', payload: { $bytes: 'AQ==', $type: 'u8' } });
    const { id } = handed as { id: string };
    worker.send({ type: 'response', id: 1, re: id, payload: { price: 1 } });
    expect(await asker.until(({ type }) => type === 'response')).toEqual({
      type: 'response',
      re: 'r1',
      payload: { price: 1 },
    });
  });
});

describe.each<EncodingName>(['json', 'protobuf'])('[BA1] [BA2] [BA3] batches in %s', (encoding) => {
  it('come when they are full, and the rest before the end of the subscription', async () => {
    const batching = await join('ada', encoding, { batch: { size: 3, delayMs: LONG_DELAY_MS } });
    expect(batching.frames[0]).toMatchObject({ batch: { size: 3, delayMs: LONG_DELAY_MS } });
    const publisher = await join('bob', 'json');
    for (const peer of [batching, publisher])
      for (const channel of ['a', 'b']) await subscribe(peer, channel);
    for (let n = 1; n <= 5; n++) await publish(publisher, n % 2 === 0 ? 'a' : 'b', n);
    await delivered(publisher, 5);
    await batching.ask({ type: 'unsubscribe', channels: ['a'] });
    const seen = framesOf(batching, 'message_batch', 'message', 'unsubscribed').map((frame) =>
      frame.type === 'unsubscribed' ? frame.type : messagesIn(frame).map(({ payload }) => payload),
    );
    expect(seen).toEqual([[1, 2, 3], [4, 5], 'unsubscribed']);
  });

  it('come before the word that the gateway ends', async () => {
    const batching = await join('ada', encoding, { batch: { delayMs: LONG_DELAY_MS } });
    const publisher = await join('bob', 'json');
    for (const peer of [batching, publisher]) await subscribe(peer, 'a');
    await publish(publisher, 'a', 1);
    await publish(publisher, 'a', 2);
    await delivered(publisher, 2);
    const closed = once(batching.socket, 'close');
    await gateway.stop();
    await closed;
    expect(batching.frames.map(({ type }) => type).slice(-2)).toEqual(['message_batch', 'disconnect']);
  });

  it('come with the defaults, notices and what was missed in them', async () => {
    const publisher = await join('bob', 'json');
    const first = await publish(publisher, 'a', 0);
    for (let n = 1; n <= 120; n++) await publish(publisher, 'a', n);
    const batching = await join('ada', encoding, { batch: {} });
    expect(batching.frames[0]).toMatchObject({ batch: { size: 50, delayMs: 100 } });
    const { epoch } = first as { epoch: string };
    expect(await subscribe(batching, 'a', { position: { epoch, seq: 1 } })).toMatchObject({
      results: [{ recovered: true, missed: 120 }],
    });
    await publish(publisher, '#system', { level: 'info', text: 'notice' });
    const batches = () => framesOf(batching, 'message', 'message_batch').map(messagesIn);
    await batching.until(() => batches().flat().length === 121);
    expect(
      batches()
        .slice(0, 2)
        .map(({ length }) => length),
    ).toEqual([50, 50]);
    const payloads = batches()
      .flat()
      .map(({ payload }) => payload);
    expect(payloads.filter((payload) => typeof payload === 'number')).toEqual(
      Array.from({ length: 120 }, (_, i) => i + 1),
    );
  });

  it('[AK4] hold what is sent again in its order', async () => {
    const batching = await join('ada', encoding, { batch: { delayMs: 50 } });
    const publisher = await join('bob', 'json');
    await subscribe(batching, 'orders:a', { consumer: 'c' });
    // Together: with a rest between them the first might come again before the second.
    await Promise.all([1, 2].map((n) => publish(publisher, 'orders:a', n)));
    const seqs = (): number[] =>
      framesOf(batching, 'message', 'message_batch').flatMap((frame) =>
        messagesIn(frame).map(({ seq }) => seq),
      );
    await batching.until(() => seqs().length >= 4);
    expect(seqs().slice(0, 4)).toEqual([1, 2, 1, 2]);
  });
});

it('[BA1] bounds that are none are refused', async () => {
  const peer = new BarePeer(gateway.port);
  peers.push(peer);
  await once(peer.socket, 'open');
  for (const batch of [{ size: 0 }, { size: 1001 }, { delayMs: 5001 }, 1])
    expect(await peer.ask({ type: 'connect', batch })).toMatchObject({ code: 'FRAME_INVALID' });
});

it('[PB4] a frame of the history is read by anybody who has the schema', async () => {
  const peer = await join('ada', 'protobuf');
  const raw: Buffer[] = [];
  peer.socket.on('message', (data: Buffer) => raw.push(data));
  await publish(peer, 'talk:h', Uint8Array.of(1, 2, 3));
  await peer.ask({ type: 'history', channel: 'talk:h' });
  expect(decodeServerFrame(raw.at(-1)!, VALUES)).toMatchObject({
    type: 'history',
    channel: 'talk:h',
    more: false,
    messages: [{ type: 'message', seq: 1, payload: Uint8Array.of(1, 2, 3) }],
  });
});
