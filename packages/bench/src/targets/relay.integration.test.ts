import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { binaryFrame, RawSocket, textFrame } from '../load/raw-socket.ts';
import { startRelay } from './relay.ts';
import type { Target } from './target.ts';

let relay: Target;
const sockets: RawSocket[] = [];
beforeAll(async () => {
  relay = (await startRelay())!;
});
afterAll(async () => {
  for (const socket of sockets) socket.reset();
  await relay.stop();
});

interface Client {
  readonly send: (frame: Buffer) => void;
  /** Resolves with the next text, or with why there is none. */
  readonly next: () => Promise<string>;
}

async function open(node: number): Promise<Client> {
  const waiting: ((text: string) => void)[] = [];
  const come: string[] = [];
  const take = (text: string): void => {
    const resolve = waiting.shift();
    if (resolve === undefined) come.push(text);
    else resolve(text);
  };
  const socket = new RawSocket({
    port: relay.ports[node]!,
    path: '/',
    onText: (data, start, end) => take(data.toString('utf8', start, end)),
    onClose: take,
  });
  sockets.push(socket);
  await socket.open();
  return {
    send: (frame) => socket.send(frame),
    next: () => {
      const text = come.shift();
      return text === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(text);
    },
  };
}

async function subscriber(node: number, channel: string): Promise<Client> {
  const client = await open(node);
  client.send(textFrame(channel));
  expect(await client.next()).toBe('ok');
  return client;
}

/** As {@link textFrame}, with a mask that changes the bytes. */
function masked(text: string): Buffer {
  const frame = textFrame(text);
  const body = frame.length - Buffer.byteLength(text);
  for (let i = 0; i < 4; i++) frame[body - 4 + i] = 17 * (i + 1);
  for (let i = body; i < frame.length; i++) frame[i]! ^= 17 * (((i - body) % 4) + 1);
  return frame;
}

it('carries messages of all sizes from one node to both, in order, whatever pieces they come in', async () => {
  const subscribers = [await subscriber(0, 'sizes'), await subscriber(1, 'sizes')];
  const other = await subscriber(1, 'other');
  const publisher = await open(0);
  const texts = [0, 1, 117, 118, 119, 120, 65_000].map((size) => `sizes ${'é'.repeat(size / 2)}${size}`);
  const bytes = Buffer.concat(texts.map(masked));
  for (let at = 0; at < bytes.length; at += at < 1000 ? 7 : 1009) {
    publisher.send(bytes.subarray(at, at + (at < 1000 ? 7 : 1009)));
    await new Promise(setImmediate);
  }
  for (const text of texts) {
    expect(await publisher.next()).toBe('+');
    for (const client of subscribers) expect(await client.next()).toBe(text);
  }
  publisher.send(textFrame('other end'));
  expect(await other.next()).toBe('other end');
});

it('forgets who left', async () => {
  const [staying, leaving] = [await subscriber(1, 'left'), await subscriber(1, 'left')];
  leaving.send(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
  expect(await leaving.next()).toBe('closed');
  const publisher = await open(0);
  publisher.send(textFrame('left behind'));
  expect(await publisher.next()).toBe('+');
  expect(await staying.next()).toBe('left behind');
});

it.each([
  ['a frame without a mask', Buffer.from([0x81, 2, 97, 32])],
  ['a binary frame', binaryFrame(Buffer.from('a b'))],
  ['a part of a message', Buffer.from([0x01, 0x80, 0, 0, 0, 0])],
  ['a frame that is too long', textFrame(`a ${'b'.repeat(65_535)}`).subarray(0, 100)],
  ['nothing', textFrame('')],
  ['a message for no channel', textFrame(' b')],
  ['a channel with a long name', textFrame('a'.repeat(121))],
  ['a message for it', textFrame(`${'a'.repeat(121)} b`)],
  ['a second channel', Buffer.concat([textFrame('a'), textFrame('b')])],
])('refuses %s', async (_what, bytes) => {
  const client = await open(1);
  client.send(bytes);
  let answer = await client.next();
  if (answer === 'ok') answer = await client.next();
  expect(answer).toContain('"error":"relay: ');
  expect(await client.next()).toBe('closed');
  await subscriber(1, 'goes-on');
});

it.each([
  ['another request', 'POST / HTTP/1.1\r\n\r\n'],
  ['a request without an end', 'x'.repeat(5000)],
])('leaves %s', async (_what, bytes) => {
  const socket = connect(relay.ports[0]!, '127.0.0.1');
  socket.on('error', () => undefined); // it may be reset, with bytes that nobody read
  // Not by `once`, which such an error rejects.
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.write(bytes);
  socket.resume();
  await closed;
  await subscriber(0, 'goes-on');
});

it('a part that ends ends all, and the run is not one', async () => {
  const broken = (await startRelay())!;
  try {
    const [, , middle] = await broken.usage();
    process.kill(middle!.pid);
    await expect.poll(() => broken.usage().then(String, String)).toContain('has ended');
    await expect
      .poll(() => broken.usage().then(String, String))
      .toContain('the connection to the middle process ended');
  } finally {
    await broken.stop();
  }
});
