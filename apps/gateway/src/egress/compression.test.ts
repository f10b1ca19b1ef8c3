import { once } from 'node:events';
import { constants, inflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';
import { contentOf } from './binary-frame.ts';
import { Compression } from './compression.ts';
import type { EncodingName } from './frame.ts';
import { rawSocketOf } from './raw-socket.ts';
import { textFrame } from './text-frame.ts';

const LARGE = 'carillon '.repeat(3000);
const ON = { CARILLON_COMPRESSION: 'true' };

describe('a compressed frame', () => {
  const compression = new Compression(1024);

  it('is made once for all who get it, and stands by itself', () => {
    const frame = textFrame(LARGE);
    const compressed = compression.of(frame);
    expect(compressed[0]).toBe(0xc1);
    expect(compression.of(frame)).toBe(compressed);
    const inflated = inflateRawSync(Buffer.concat([contentOf(compressed), Buffer.from([0, 0, 255, 255])]), {
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    expect(inflated.toString()).toBe(LARGE);
  });

  it('is not made of a small one, nor where nothing is gained', () => {
    const small = textFrame('x'.repeat(1000));
    expect(compression.of(small)).toBe(small);
    const noise = textFrame(
      Array.from({ length: 400 }, (_, i) => Math.sin(i).toString(36).slice(3)).join(''),
    );
    expect(noise.length).toBeGreaterThan(1024);
    expect(compression.of(noise).length).toBeLessThanOrEqual(noise.length);
  });
});

describe('[FR9] permessage-deflate', () => {
  let gateway: RunningGateway;
  const peers: BarePeer[] = [];
  afterEach(async () => {
    for (const { socket } of peers.splice(0)) socket.terminate();
    await gateway.stop();
  });

  async function subscriber(encoding?: EncodingName, members?: object): Promise<BarePeer> {
    const peer = await BarePeer.join(gateway.port, 'ada', encoding, members);
    peers.push(peer);
    await peer.ask({ type: 'subscribe', channels: [{ channel: 'a' }] });
    return peer;
  }

  async function bytesOf(peer: BarePeer, work: () => Promise<unknown>): Promise<number> {
    const socket = rawSocketOf(peer.socket);
    const before = socket.bytesRead;
    await work();
    return socket.bytesRead - before;
  }

  async function publishes(
    publisher: BarePeer,
    to: BarePeer,
    payloads: readonly string[],
  ): Promise<string[]> {
    for (const payload of payloads) publisher.send({ type: 'publish', id: 900, channel: 'a', payload });
    await to.until((frame) => seqsIn(frame).includes(payloads.length));
    return to.frames.flatMap(payloadsIn);
  }

  it('is off unless it is switched on', async () => {
    gateway = await startGateway();
    expect((await subscriber()).socket.extensions).toBe('');
  });

  it.each<[EncodingName, object]>([
    ['json', {}],
    ['protobuf', {}],
    ['json', { batch: { size: 2, delayMs: 1000 } }],
  ])('carries messages in %s, %j: large ones compressed, in their order', async (encoding, members) => {
    gateway = await startGateway(ON);
    const [publisher, reader] = [await subscriber(), await subscriber(encoding, members)];
    expect(reader.socket.extensions).toBe('permessage-deflate');
    const payloads = ['small', LARGE, 'small again', LARGE];
    const bytes = await bytesOf(reader, async () =>
      expect(await publishes(publisher, reader, payloads)).toEqual(payloads),
    );
    expect(bytes).toBeLessThan(LARGE.length / 4);
  });

  it('is left out for a client that asks for a smaller window', async () => {
    gateway = await startGateway(ON);
    const publisher = await subscriber();
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/v1/ws`, ['carillon.v1.json'], {
      perMessageDeflate: { serverMaxWindowBits: 9 },
    });
    await once(socket, 'open');
    const texts: string[] = [];
    socket.on('message', (data) => texts.push(String(data)));
    socket.send(JSON.stringify({ type: 'connect', id: 1, token: await tokenOf('bob') }));
    await once(socket, 'message');
    socket.send(JSON.stringify({ type: 'subscribe', id: 2, channels: [{ channel: 'a' }] }));
    await once(socket, 'message');
    const { bytesRead } = rawSocketOf(socket);
    publisher.send({ type: 'publish', id: 1, channel: 'a', payload: LARGE });
    await once(socket, 'message');
    expect(texts.at(-1)).toContain(LARGE);
    expect(rawSocketOf(socket).bytesRead - bytesRead).toBeGreaterThan(LARGE.length);
    socket.terminate();
  });

  it('bounds what a compressed message may become', async () => {
    gateway = await startGateway(ON);
    const peer = await subscriber();
    peer.send({ type: 'publish', id: 1, channel: 'a', payload: 'x'.repeat(10_000_000) });
    await once(peer.socket, 'close');
    expect(peer.closeCode).toBe(1009);
  });
});

type Sent = BarePeer['frames'][number];

function messagesIn(frame: Sent): readonly { readonly seq: number; readonly payload: unknown }[] {
  if (frame.type === 'message') return [frame];
  return frame.type === 'message_batch' ? frame.messages : [];
}

const seqsIn = (frame: Sent): number[] => messagesIn(frame).map(({ seq }) => seq);
const payloadsIn = (frame: Sent): string[] => messagesIn(frame).map(({ payload }) => String(payload));
