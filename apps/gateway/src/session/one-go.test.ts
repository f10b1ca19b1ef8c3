/** Frames behind `connect` that don't wait for `connected`. Rule numbers are those of packages/protocol/SPEC.md. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

const ROOM = 'room:1';
const OWN = generateKeyPairSync('rsa', { modulusLength: 2048 });
const FOREIGN = generateKeyPairSync('rsa', { modulusLength: 2048 });

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function rs256(key: KeyObject): string {
  const iat = Math.floor(Date.now() / 1000);
  const capabilities = { '*': ['subscribe', 'publish'] };
  const input = `${base64({ alg: 'RS256' })}.${base64({ sub: 'ada', iat, exp: iat + 600, capabilities })}`;
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
}

/** The same claims, and a signature that is not theirs. */
async function forged(): Promise<string> {
  const [ada, bob] = [await tokenOf('ada'), await tokenOf('bob')];
  return [...ada.split('.').slice(0, 2), bob.split('.')[2]].join('.');
}

let gateway: RunningGateway;
let peer: BarePeer;

beforeEach(async () => {
  const publicKey = OWN.publicKey.export({ type: 'spki', format: 'pem' });
  gateway = await startGateway({ CARILLON_JWT_PUBLIC_KEY: String(publicKey) });
  peer = new BarePeer(gateway.port);
  await once(peer.socket, 'open');
});
afterEach(async () => {
  peer.socket.terminate();
  await gateway.stop();
});

function sendInOneGo(token: string): void {
  peer.send({ type: 'connect', id: 1, token });
  peer.send({ type: 'subscribe', id: 2, channels: [{ channel: ROOM }] });
  peer.send({ type: 'publish', id: 3, channel: ROOM, payload: 'first' });
  peer.send({ type: 'ping', id: 4 });
}

async function subscriptions(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${gateway.port}/metrics`)).text();
  return Number(/^carillon_subscriptions(?:\{.*\})? (\d+)$/m.exec(text)![1]);
}

describe.each<[string, () => string | Promise<string>, () => string | Promise<string>]>([
  ['at once', () => tokenOf('ada'), forged],
  ['only later', () => rs256(OWN.privateKey), () => rs256(FOREIGN.privateKey)],
])('[CN8] with a token that is verified %s', (_when, good, bad) => {
  it('frames behind connect are served and answered after it, in their order', async () => {
    sendInOneGo(await good());
    for (const id of [1, 2, 3, 4]) await peer.until((frame) => 're' in frame && frame.re === id);
    expect(peer.frames.slice(0, 2)).toMatchObject([
      { type: 'connected', re: 1, user: 'ada' },
      { type: 'subscribed', re: 2, results: [{ channel: ROOM, seq: 0 }] },
    ]);
    await peer.until(({ type }) => type === 'message');
    const rest = peer.frames.slice(2).map(({ type }) => type);
    expect(rest.toSorted()).toEqual(['accepted', 'message', 'pong']);
    expect(await subscriptions()).toBe(1);
  });

  it('[CN4] refused, those behind it are neither served nor answered', async () => {
    sendInOneGo(await bad());
    await once(peer.socket, 'close');
    expect(peer.frames).toMatchObject([
      { type: 'error', re: 1, code: 'TOKEN_SIGNATURE_INVALID' },
      { type: 'disconnect', code: 4101 },
    ]);
    expect(peer.closeCode).toBe(4101);
    expect(await subscriptions()).toBe(0);
    const later = await BarePeer.join(gateway.port, 'ada');
    expect(await later.ask({ type: 'publish', channel: ROOM, payload: 'second' })).toMatchObject({ seq: 1 });
    later.socket.terminate();
  });
});

describe('[CN8] frames behind connect', () => {
  it('[CN7] come too early where connect was not taken', async () => {
    peer.send({ type: 'connect', id: 1, token: await tokenOf('ada'), version: 2 });
    peer.send({ type: 'subscribe', id: 2, channels: [{ channel: ROOM }] });
    peer.send({ type: 'connect', id: 3, token: await tokenOf('ada') });
    await peer.until(({ type }) => type === 'connected');
    expect(peer.frames).toMatchObject([
      { type: 'error', re: 1, code: 'FRAME_INVALID' },
      { type: 'error', re: 2, code: 'FRAME_OUT_OF_STATE' },
      { type: 'connected', re: 3 },
    ]);
  });

  it('may be of 10 channels and 4096 bytes, and no setting can make that too much', async () => {
    await gateway.stop();
    gateway = await startGateway({
      CARILLON_MAX_FRAME_BYTES: '4KiB',
      CARILLON_MAX_CHANNELS_PER_FRAME: '10',
      CARILLON_MAX_FRAME_DEPTH: '4',
      // No persistence answers for stored history here.
      CARILLON_NAMESPACES: '{"many":{"durable":false}}',
    });
    peer = new BarePeer(gateway.port);
    await once(peer.socket, 'open');
    const position = { epoch: 'e'.repeat(32), seq: Number.MAX_SAFE_INTEGER };
    const channels = Array.from({ length: 10 }, (_, n) => ({
      channel: `many:${n}`.padEnd(200, '-'),
      position,
    }));
    peer.send({ type: 'connect', id: 1, token: await tokenOf('ada') });
    const frame = { type: 'subscribe', id: 2, channels, padding: '' };
    const subscribe = { ...frame, padding: ' '.repeat(4096 - JSON.stringify(frame).length) };
    expect(JSON.stringify(subscribe)).toHaveLength(4096);
    peer.send(subscribe);
    const { results } = (await peer.until(({ type }) => type === 'subscribed')) as never as {
      results: object[];
    };
    expect(results.map((result) => 'error' in result)).toEqual(Array(10).fill(false));
    for (const less of [{ CARILLON_MAX_FRAME_BYTES: '4095' }, { CARILLON_MAX_CHANNELS_PER_FRAME: '9' }])
      await expect(startGateway(less)).rejects.toThrow(Object.keys(less)[0]);
  });
});
