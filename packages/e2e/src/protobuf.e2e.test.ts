/** Clients in JSON and in protobuf on two gateways: each gets what the others publish, live, missed and from history; in batches, too. */
import {
  type Encoding,
  type Message,
  RealtimeClient,
  type RealtimeClientOptions,
  type SocketConstructor,
} from '@carillon/client';
import { bytesOf, jsonWithBytes } from '@carillon/client/bytes';
import { protobuf } from '@carillon/client/protobuf';
import type { ServerFrame } from '@carillon/protocol';
import { decodeServerFrame, VALUES } from '@carillon/protocol/protobuf';
import { startTcpProxy, type TcpProxy } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { tokenFor } from './people.ts';

/** Long enough for all to come before it is over, on a busy machine, too. */
const BATCH_DELAY_MS = 1000;

let cluster: Cluster;
/** To the second gateway. */
let line: TcpProxy;
const clients: RealtimeClient[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    appendonly: false,
    routers: 1,
    env: { CARILLON_NAMESPACES: JSON.stringify({ live: { durable: false }, kept: { durable: true } }) },
  });
  line = await startTcpProxy({ targetPort: cluster.gateways[1]!.port });
}, 240_000);
afterEach(() => {
  line.heal();
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  await line?.stop();
  await cluster?.stop();
});

async function open(
  user: string,
  port: number,
  options: Partial<RealtimeClientOptions> = {},
): Promise<RealtimeClient> {
  const client = new RealtimeClient({
    url: `ws://127.0.0.1:${port}`,
    token: await tokenFor(user),
    backoff: { initialMs: 50, maxMs: 200 },
    ...options,
  });
  clients.push(client);
  await client.connect();
  return client;
}

/** Subscribes; `until(n)` resolves with the payloads when n messages have come. */
async function listen(client: RealtimeClient, channel: string) {
  const messages: Message[] = [];
  let wake: () => unknown = () => undefined;
  const subscription = client.subscribe<unknown>(channel, (message) => {
    messages.push(message);
    wake();
  });
  await subscription.ready();
  return {
    messages,
    until: async (count: number) => {
      while (messages.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return messages.map(({ payload }) => payload);
    },
  };
}

/** A WebSocket that remembers what came over it; `until` resolves when that is as wanted. */
function recording() {
  const came: unknown[] = [];
  let wake: () => unknown = () => undefined;
  class RecordingSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      this.addEventListener('message', ({ data }) => {
        came.push(data);
        wake();
      });
    }
  }
  return {
    webSocket: RecordingSocket as unknown as SocketConstructor,
    came,
    until: async (isWanted: () => boolean) => {
      while (!isWanted()) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

const PAYLOADS = [
  { text: 'ü', n: 1.5, nested: [null, true] },
  Float32Array.of(1, 2.5, -0.25),
  Uint8Array.from({ length: 300 }, (_, i) => i),
  BigInt64Array.of(-1n, 2n ** 40n),
  'text',
  null,
  new Float64Array(0),
];

describe('JSON and protobuf', () => {
  it('exchange messages between two gateways, typed arrays as what they are', async () => {
    const [one, two] = cluster.gateways.map(({ port }) => port) as [number, number];
    const { webSocket, came } = recording();
    const inJson = await open('ada', one, { encoding: jsonWithBytes });
    const inProtobuf = await open('bob', two, { encoding: protobuf, webSocket });
    const plain = await open('eve', two);
    const channel = 'live:exchange';
    const inboxes = await Promise.all([inJson, inProtobuf, plain].map((client) => listen(client, channel)));
    for (const [i, payload] of PAYLOADS.entries())
      await (i % 2 === 0 ? inJson : inProtobuf).publish(channel, payload, { event: `e-${i}` });
    for (const inbox of inboxes.slice(0, 2)) expect(await inbox.until(PAYLOADS.length)).toEqual(PAYLOADS);
    // A client without the bytes codec gets the documented form.
    const seen = await inboxes[2]!.until(PAYLOADS.length);
    expect(seen[1]).toEqual({ $bytes: 'AACAPwAAIEAAAIC+', $type: 'f32' });
    expect(seen.map((payload) => bytesOf(payload) ?? payload)).toEqual(PAYLOADS);
    const placesOf = (messages: readonly Message[]) =>
      messages.map(({ epoch, seq, id, event, user, timestamp }) => ({
        epoch,
        seq,
        id,
        event,
        user,
        timestamp,
      }));
    for (const { messages } of inboxes.slice(1))
      expect(placesOf(messages)).toEqual(placesOf(inboxes[0]!.messages));
    expect(inboxes[1]!.messages.map(({ event, user }) => `${event} ${user}`).slice(0, 2)).toEqual([
      'e-0 ada',
      'e-1 bob',
    ]);
    expect(came.length).toBeGreaterThan(PAYLOADS.length);
    expect(came.every((data) => data instanceof ArrayBuffer)).toBe(true);
  });

  it.each<[string, Encoding]>([
    ['JSON', jsonWithBytes],
    ['protobuf', protobuf],
  ])('in %s a client that comes back gets what it missed', async (name, encoding) => {
    const channel = `kept:missed-${name}`;
    const publisher = await open('ada', cluster.gateways[0]!.port, { encoding: protobuf });
    const client = await open('bob', line.port, { encoding });
    const inbox = await listen(client, channel);
    await publisher.publish(channel, Float32Array.of(1));
    await inbox.until(1);
    line.refuse();
    for (let n = 2; n <= 50; n++) await publisher.publish(channel, Float32Array.of(n));
    line.heal();
    expect(await inbox.until(50)).toEqual(Array.from({ length: 50 }, (_, i) => Float32Array.of(i + 1)));
    expect(inbox.messages.filter(({ recovered }) => recovered).length).toBe(49);
  });

  it('read the same history, out of Redis and out of Postgres', async () => {
    const channel = 'kept:history';
    const publisher = await open('ada', cluster.gateways[0]!.port, { encoding: protobuf });
    const stored = PAYLOADS.map((payload) => publisher.publish(channel, payload, { stored: true }).stored);
    await Promise.all(stored);
    const readers = await Promise.all(
      [jsonWithBytes, protobuf].map((encoding) => open('bob', cluster.gateways[1]!.port, { encoding })),
    );
    for (const reader of readers) {
      const { messages, more } = await reader.history(channel, { limit: 5 });
      expect(messages.map(({ payload }) => payload)).toEqual(PAYLOADS.toReversed().slice(0, 5));
      expect(more).toBe(true);
      const before = { epoch: messages[4]!.epoch, seq: messages[4]!.seq };
      const rest = await reader.history(channel, { before });
      expect(rest.messages.map(({ payload }) => payload)).toEqual(PAYLOADS.toReversed().slice(5));
    }
  });

  it('are told the same errors', async () => {
    const errors = await Promise.all(
      [jsonWithBytes, protobuf].map(async (encoding) => {
        const client = await open('bob', cluster.gateways[0]!.port, { encoding });
        const failed = (error: { code: string; message: string }) => `${error.code} ${error.message}`;
        return [
          await client.publish('bad name', 1).catch(failed),
          await client.history('live:none', { limit: 0 }).catch(failed),
          await client.publish('#user:somebody', 1).catch(failed),
        ];
      }),
    );
    expect(errors[1]).toEqual(errors[0]);
    expect(errors[0]![0]).toMatch(/^CHANNEL_INVALID /);
  });
});

describe.each<[string, Encoding | undefined]>([
  ['JSON', undefined],
  ['protobuf', protobuf],
])('batches in %s', (name, encoding) => {
  const channel = `live:batch-${name}`;
  const framesOf = (came: readonly unknown[]): ServerFrame[] =>
    came.map((data) =>
      typeof data === 'string'
        ? (JSON.parse(data) as ServerFrame)
        : decodeServerFrame(new Uint8Array(data as ArrayBuffer), VALUES)!,
    );

  it('bring every message, in order, in few frames', async () => {
    const { webSocket, came } = recording();
    const client = await open('ada', cluster.gateways[1]!.port, {
      webSocket,
      batch: { size: 20, delayMs: BATCH_DELAY_MS },
      ...(encoding === undefined ? {} : { encoding }),
    });
    const inbox = await listen(client, channel);
    const publisher = await open('bob', cluster.gateways[0]!.port);
    await Promise.all(Array.from({ length: 210 }, (_, n) => publisher.publish(channel, n)));
    expect(await inbox.until(210)).toEqual(Array.from({ length: 210 }, (_, n) => n));
    const frames = framesOf(came);
    const batches = frames.filter((frame) => frame.type === 'message_batch');
    // A message that is alone when the delay ends leaves as `message`, e.g. behind a frame that was sent in between.
    const alone = frames.filter(({ type }) => type === 'message');
    expect(batches.length + alone.length).toBeLessThanOrEqual(20);
    expect(Math.max(...batches.map(({ messages }) => messages.length))).toBe(20);
    expect(frames.find(({ type }) => type === 'connected')).toMatchObject({
      batch: { size: 20, delayMs: BATCH_DELAY_MS },
    });
  });

  it('a message waits for the delay, an answer does not, and nothing follows the end of a subscription', async () => {
    const { webSocket, came, until } = recording();
    const client = await open('ada', cluster.gateways[0]!.port, {
      webSocket,
      batch: { delayMs: 5000 },
      ...(encoding === undefined ? {} : { encoding }),
    });
    const subscription = client.subscribe(`${channel}-order`, () => undefined);
    await subscription.ready();
    const witness = await listen(await open('bob', cluster.gateways[0]!.port), `${channel}-order`);
    await client.publish(`${channel}-order`, 1);
    // A message given to one subscriber is given to all: the client's own message waits for its batch.
    await witness.until(1);
    await client.history(`${channel}-order`);
    expect(framesOf(came).filter(({ type }) => type === 'message' || type === 'message_batch')).toEqual([]);
    subscription.unsubscribe();
    const last = () =>
      framesOf(came)
        .map(({ type }) => type)
        .slice(-2);
    await until(() => last().includes('unsubscribed'));
    expect(last()).toEqual(['message', 'unsubscribed']);
  });
});

it('what waited for its batch when the gateway was killed comes from another one, in order and once', async () => {
  const channel = 'kept:killed';
  const publisher = await open('ada', cluster.gateways[0]!.port, { encoding: protobuf });
  const client = await open('bob', line.port, {
    encoding: protobuf,
    batch: { size: 1000, delayMs: 5000 },
    pongTimeoutMs: 2000,
  });
  const inbox = await listen(client, channel);
  const witness = await listen(await open('eve', cluster.gateways[1]!.port), channel);
  await Promise.all(Array.from({ length: 30 }, (_, n) => publisher.publish(channel, Int32Array.of(n))));
  // Then the gateway has given them to the batch, too.
  await witness.until(30);
  expect(inbox.messages).toEqual([]);
  await cluster.gateways[1]!.kill();
  line.retarget(cluster.gateways[0]!.port);
  for (let n = 30; n < 60; n++) await publisher.publish(channel, Int32Array.of(n));
  expect(await inbox.until(60)).toEqual(Array.from({ length: 60 }, (_, n) => Int32Array.of(n)));
  await cluster.gateways[1]!.start();
});
