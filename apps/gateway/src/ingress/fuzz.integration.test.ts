/** Hostile clients against a gateway whose other clients must not notice. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CLOSES, isErrorCode, type ServerFrame } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';
import { HostileFrames, MAX_FRAME_BYTES, randomFrom } from './hostile-frames.suite.ts';
import { attackHttp, HTTP_ATTACKS } from './hostile-http.suite.ts';

/** Put the seed of a failed run here to see the same frames again. */
const SEED: number | undefined = undefined;
const DURATION_MS = 8000;
/** On a machine that is busy it goes on until there were so many. */
const MIN_CONNECTIONS = 20;
const ATTACKERS = 6;
/** Of a message, in time that this process worked: what other processes take is no fault of the attackers. */
const MAX_DELAY_MS = 5000;
/** A bound for what never comes. */
const ANSWER_TIMEOUT_MS = 20_000;
const MAX_HEAP_GROWTH_BYTES = 40 * 1024 * 1024;
const ATTACKER_RIGHTS = {
  'fuzz:*': ['subscribe', 'publish', 'history', 'request', 'answer'],
  watched: ['subscribe'],
};
/** Attackers answer no requests, their own neither. */
const REQUEST_TIMEOUT_MS = '100';
/** Close codes of the WebSocket protocol that a broken frame may cause, besides those of Carillon. */
const KNOWN_CLOSES = new Set([1002, 1007, 1008, 1009, ...Object.values(CLOSES).map(({ code }) => code)]);
/** Id of an attacker's last frame. */
const LAST = 'the last one';
const UNASKED = new Set<ServerFrame['type']>([
  'message',
  'message_batch',
  'gap',
  'ended',
  'token_expiring',
  'disconnect',
  'stored',
  'request',
  'cancel',
]);

let gateway: RunningGateway;
const peers = new Set<BarePeer>();

beforeEach(async () => {
  gateway = await startGateway({
    CARILLON_REQUEST_TIMEOUT_MS: REQUEST_TIMEOUT_MS,
    CARILLON_REQUEST_MAX_TIMEOUT_MS: REQUEST_TIMEOUT_MS,
  });
});
afterEach(async () => {
  for (const { socket } of peers) socket.terminate();
  await gateway.stop();
});

const rawSocketOf = ({ socket }: BarePeer): Socket =>
  (socket as unknown as { readonly _socket: Socket })._socket;

/** Bytes that are no frame: reserved bits, no mask, absurd lengths, text that isn't UTF-8. */
const GARBAGE = [
  [0xf1, 0x80, 0, 0, 0, 0],
  [0x81, 0x02, 65, 65],
  [0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0],
  [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
  [0x80, 0x80, 0, 0, 0, 0],
].map((bytes) => Buffer.from(bytes));

function fragmented(peer: BarePeer, data: string | Uint8Array): void {
  const middle = data.length >> 1;
  peer.socket.send(data.slice(0, middle), { fin: false });
  peer.socket.ping();
  peer.socket.send(data.slice(middle), { fin: true });
}

/** One hostile connection. Returns what is wrong with how it was treated. */
async function attack(frames: HostileFrames): Promise<readonly string[]> {
  const peer = new BarePeer(gateway.port, frames.pick(['json', 'protobuf']));
  const isJson = peer.encoding === 'json';
  peers.add(peer);
  await once(peer.socket, 'open');
  let sent = 0;
  const say = (data: string | Uint8Array): void => {
    sent++;
    if (frames.pick([0, 0, 0, 1]) === 1) fragmented(peer, data);
    else peer.socket.send(data);
  };
  if (frames.pick([0, 1, 1, 1]) === 1) {
    sent++;
    const batch = frames.pick([undefined, {}, { size: 2, delayMs: 1 }]);
    peer.send({ type: 'connect', id: 'c', token: await tokenOf('mallory', ATTACKER_RIGHTS), batch });
  }
  const count = frames.pick([1, 5, 20, 300]);
  rawSocketOf(peer).cork(); // all of them in as few segments as they fit
  for (let i = 0; i < count; i++) say(isJson ? frames.text() : frames.bytes());
  rawSocketOf(peer).uncork();
  const end = frames.pick<'wait' | 'reset' | 'binary' | 'huge' | 'garbage' | 'half' | 'crumbs'>([
    'wait',
    'wait',
    'wait',
    'reset',
    'binary',
    'huge',
    'garbage',
    'half',
    'crumbs',
  ]);
  if (end === 'reset') rawSocketOf(peer).resetAndDestroy();
  else if (end === 'half') rawSocketOf(peer).end();
  else if (end === 'huge') peer.socket.send('x'.repeat(3 * MAX_FRAME_BYTES));
  else if (end === 'crumbs') for (let i = 0; i < 1000; i++) peer.socket.send(' ', { fin: false });
  else if (end === 'garbage') rawSocketOf(peer).write(frames.pick(GARBAGE));
  else if (end === 'binary') {
    sent++;
    peer.socket.send(isJson ? Buffer.alloc(10) : 'text');
  }
  // Changed bytes may be a frame that has no answer: only the last one tells when all of them are served.
  if (!isJson && end !== 'reset' && end !== 'half') peer.send({ type: 'ping', id: LAST });
  const closes = end !== 'wait' && end !== 'binary';
  const faults = await judge(peer, sent, closes);
  peers.delete(peer);
  peer.socket.terminate();
  if (end === 'reset' || end === 'half') return [];
  // TCP may reset a client that still sends when the other side has closed, before the client has read why.
  const isReset = (end === 'huge' || end === 'crumbs') && peer.closeCode === 1006;
  return isReset ? [] : faults.map((fault) => `${fault} (after ${end}, ${count} frames)`);
}

/** Waits until the connection is closed, or, unless it must be closed, until each frame has its answer. */
async function judge(peer: BarePeer, sent: number, mustClose: boolean): Promise<readonly string[]> {
  const isAnswer = ({ type }: ServerFrame): boolean => !UNASKED.has(type);
  const deadline = performance.now() + ANSWER_TIMEOUT_MS;
  const isServed = (): boolean =>
    peer.encoding === 'json'
      ? peer.frames.filter(isAnswer).length >= sent
      : peer.frames.some((frame) => 're' in frame && frame.re === LAST);
  const isSettled = (): boolean => peer.closeCode !== undefined || (!mustClose && isServed());
  while (!isSettled() && performance.now() < deadline) await turn();
  const faults = peer.frames.flatMap((frame) =>
    frame.type === 'error' && !isErrorCode(frame.code) ? [`unknown error code ${frame.code}`] : [],
  );
  if (peer.frames.some((frame) => frame.type === 'error' && frame.code === 'INTERNAL'))
    faults.push('INTERNAL');
  if (peer.closeCode !== undefined && !KNOWN_CLOSES.has(peer.closeCode))
    faults.push(`closed with ${peer.closeCode}`);
  if (!isSettled())
    faults.push(
      mustClose ? 'not closed' : `${peer.frames.filter(isAnswer).length} answers to ${sent} frames`,
    );
  return faults;
}

/** A publisher and a subscriber that do nothing wrong. `stop` returns what went wrong for them all the same. */
async function startWitnesses(): Promise<{ stop(): Promise<readonly string[]> }> {
  const [publisher, subscriber] = [
    await BarePeer.join(gateway.port, 'ada'),
    await BarePeer.join(gateway.port, 'bob', 'protobuf'),
  ];
  for (const peer of [publisher, subscriber]) peers.add(peer);
  await subscriber.ask({ type: 'subscribe', channels: [{ channel: 'watched' }] });
  const faults: string[] = [];
  const open: Promise<unknown>[] = [];
  let next = 0;
  subscriber.socket.on('message', () => {
    const frame = subscriber.frames.at(-1)!;
    if (frame.type !== 'message') return;
    const { n, atMs } = frame.payload as { n: number; atMs: number };
    if (n !== next) faults.push(`message ${n} came in place of ${next}`);
    next = n + 1;
    const delayMs = workedMs() - atMs;
    if (delayMs > MAX_DELAY_MS) faults.push(`message ${n} took ${Math.round(delayMs)} ms`);
  });
  let published = 0;
  const timer = setInterval(() => {
    const payload = { n: published++, atMs: workedMs() };
    open.push(publisher.ask({ type: 'publish', channel: 'watched', payload }));
  }, 20);
  return {
    stop: async () => {
      clearInterval(timer);
      const answers = (await Promise.all(open)) as ServerFrame[];
      for (const { type } of answers)
        if (type !== 'accepted') faults.push(`a publish was answered with ${type}`);
      await subscriber.until(
        (frame) => frame.type === 'message' && (frame.payload as { n: number }).n === published - 1,
      );
      if (published < 20) faults.push(`only ${published} messages were published`);
      return faults;
    },
  };
}

function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('hostile clients', () => {
  it('each get an answer or a known close, and others get all of their messages in order and in time', async () => {
    const seed = SEED ?? Math.floor(Math.random() * 2 ** 31);
    const witnesses = await startWitnesses();
    const faults: string[] = [];
    let heapBefore = 0;
    let connections = 0;
    const halfTime = performance.now() + DURATION_MS / 2;
    const endTime = performance.now() + DURATION_MS;
    const attacker = async (number: number): Promise<void> => {
      const frames = new HostileFrames(randomFrom(seed + number));
      while (performance.now() < endTime || connections < MIN_CONNECTIONS) {
        if (frames.pick([0, 0, 0, 1]) === 1) await attackHttp(gateway.port, frames.pick(HTTP_ATTACKS));
        faults.push(...(await attack(frames)));
        connections++;
        if (heapBefore === 0 && performance.now() > halfTime) heapBefore = heapAfterCollection();
      }
    };
    await Promise.all(Array.from({ length: ATTACKERS }, (_, i) => attacker(i)));
    const witnessed = await witnesses.stop();
    const growth = heapAfterCollection() - heapBefore;
    process.stdout.write(
      `fuzz: seed ${seed}, ${connections} connections, heap +${(growth / 1e6).toFixed(1)} MB\n`,
    );
    expect({ seed, faults: faults.slice(0, 20), witnessed: witnessed.slice(0, 20) }).toEqual({
      seed,
      faults: [],
      witnessed: [],
    });
    expect(growth).toBeLessThan(MAX_HEAP_GROWTH_BYTES);
    expect(gateway.log.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
    expect((await fetch(`http://127.0.0.1:${gateway.port}/health`)).status).toBe(200);
  });
});
