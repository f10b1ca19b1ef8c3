/** The client in protobuf and with typed arrays, against the protocol peer behind a real WebSocket. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonWithBytes } from './bytes.ts';
import type { Encoding } from './encoding.ts';
import type { Message } from './message.ts';
import type { RealtimeClientOptions } from './options.ts';
import { protobuf } from './protobuf.ts';
import { RealtimeClient } from './realtime-client.ts';
import { type SocketServer, startSocketServer } from './socket-server.suite.ts';

const CHANNEL = 'chart:a';

let server: SocketServer;
let clients: RealtimeClient[];

beforeEach(async () => {
  server = await startSocketServer();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

function make(options: Partial<RealtimeClientOptions> = {}): RealtimeClient {
  const client = new RealtimeClient({ url: server.url, backoff: { initialMs: 5, maxMs: 20 }, ...options });
  clients.push(client);
  return client;
}

/** Subscribes; `until(n)` resolves with the payloads when n messages have come. */
async function listen(client: RealtimeClient) {
  const messages: Message[] = [];
  let wake: () => unknown = () => undefined;
  const subscription = client.subscribe<unknown>(CHANNEL, (message) => {
    messages.push(message);
    wake();
  });
  void client.connect();
  await subscription.ready();
  return {
    messages,
    until: async (count: number) => {
      while (messages.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return messages.map(({ payload }) => payload);
    },
  };
}

const ENCODINGS: [name: string, encoding: Encoding][] = [
  ['protobuf', protobuf],
  ['JSON with bytes', jsonWithBytes],
];

describe.each(ENCODINGS)('in %s', (_name, encoding) => {
  it('[BY4] typed arrays come back as what they were, JSON as JSON', async () => {
    const client = make({ encoding, token: 'ada' });
    const inbox = await listen(client);
    const payloads = [
      Float32Array.of(1, 2.5),
      new Uint8Array(0),
      BigInt64Array.of(-1n),
      { text: 'ü', chart: Uint16Array.of(7) },
      null,
      '',
      0,
    ];
    for (const payload of payloads) await client.publish(CHANNEL, payload);
    expect(await inbox.until(payloads.length)).toEqual(payloads);
    expect(inbox.messages[0]).toMatchObject({ user: 'ada', own: true, seq: 1 });
    const { messages } = await client.history<typeof CHANNEL>(CHANNEL, { limit: 100 });
    expect(messages.map(({ payload }) => payload)).toEqual(payloads.toReversed());
  });

  it('subscriptions go on where they stopped', async () => {
    const client = make({ encoding });
    const inbox = await listen(client);
    server.peer.publish(CHANNEL, 1);
    await inbox.until(1);
    server.terminateAll();
    server.peer.publish(CHANNEL, 2);
    expect(await inbox.until(2)).toEqual([1, 2]);
    expect(inbox.messages[1]).toMatchObject({ recovered: true });
  });

  it('a frame that is too large is refused by the size that it has on the wire', async () => {
    const client = make({ encoding });
    await client.connect();
    const fits = client.publish(CHANNEL, new Uint8Array(60_000));
    if (encoding === protobuf) await expect(fits).resolves.toMatchObject({ seq: 1 });
    else await expect(fits).rejects.toMatchObject({ code: 'FRAME_TOO_LARGE' });
    await expect(client.publish(CHANNEL, new Uint8Array(66_000))).rejects.toMatchObject({
      code: 'FRAME_TOO_LARGE',
    });
  });
});

describe('with a server that does not know protobuf', () => {
  it('[PB7] the client goes on in JSON, with typed arrays', async () => {
    await server.stop();
    server = await startSocketServer(0, []);
    const client = make({ encoding: protobuf });
    const inbox = await listen(client);
    await client.publish(CHANNEL, Float64Array.of(0.5));
    expect(await inbox.until(1)).toEqual([Float64Array.of(0.5)]);
    expect(server.peer.log(CHANNEL)[0]!.payload).toEqual({ $bytes: 'AAAAAAAA4D8=', $type: 'f64' });
  });
});

it('bytes that are no frame are told, and nothing else happens', async () => {
  class NoisySocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      const noise = { data: Uint8Array.of(0xff, 0x01).buffer } as MessageEvent;
      this.addEventListener('message', () => this.onmessage?.(noise), { once: true });
    }
  }
  const client = make({ encoding: protobuf, webSocket: NoisySocket as never });
  const codes: string[] = [];
  client.on('error', ({ code }) => codes.push(code));
  const inbox = await listen(client);
  await client.publish(CHANNEL, 1);
  expect(await inbox.until(1)).toEqual([1]);
  expect(codes).toEqual(['FRAME_UNREADABLE']);
});

describe('batches', () => {
  it.each([undefined, protobuf])('[BA1] [BA2] are asked for, and taken apart in order', async (encoding) => {
    const client = make({ batch: { size: 10 }, ...(encoding === undefined ? {} : { encoding }) });
    const inbox = await listen(client);
    expect(server.peer.received[0]).toMatchObject({ type: 'connect', batch: { size: 10 } });
    const messages = [1, 2, 3].map((seq) => ({
      type: 'message' as const,
      version: 1,
      channel: CHANNEL,
      epoch: 'e1',
      seq,
      id: `m${seq}`,
      timestamp: 1,
      payload: seq,
    }));
    server.peer.broadcast({ type: 'message_batch', messages });
    expect(await inbox.until(3)).toEqual([1, 2, 3]);
  });
});
