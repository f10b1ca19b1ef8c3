/** Frames sent behind `connect`, before it is answered [CN8]. */
import type { ErrorBody } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryNetwork } from './memory-network.suite.ts';
import type { RealtimeClientOptions } from './options.ts';
import { plainStorage } from './persistence.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { RealtimeClient } from './realtime-client.ts';
import type { SubscribeOptions, Subscription } from './subscription.ts';

const CHANNEL = 'chat:lobby';
const REFUSED: ErrorBody = { code: 'TOKEN_EXPIRED', message: 'expired', retryable: false };
/** From one end to the other. */
const LATENCY_MS = 5;

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;
let seen: unknown[];
let errors: string[];

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const types = () => peer.received.map(({ type }) => type).filter((type) => type !== 'ping');
const asked = () => peer.received.flatMap((frame) => (frame.type === 'subscribe' ? [frame.channels] : []));

function make(options: Partial<RealtimeClientOptions> = {}): void {
  client = new RealtimeClient({
    url: 'ws://peer',
    webSocket: network.WebSocket,
    random: () => 0.5,
    ...options,
  });
  client.on('error', ({ code }) => errors.push(code));
}

const subscribe = (options?: SubscribeOptions, channel = CHANNEL): Subscription =>
  client.subscribe(channel, ({ payload }) => seen.push(payload), options);

/** The answer to `connect` is kept back until `peer.release()`. */
async function untilHandshake(): Promise<void> {
  peer.delayAnswer = ({ type }) => type === 'connect';
  client.connect();
  await pass(2 * LATENCY_MS);
  expect(client.state).toBe('handshaking');
}

async function answerConnect(): Promise<void> {
  peer.delayAnswer = () => false;
  peer.release();
  await pass(100);
  expect(client.state).toBe('connected');
}

beforeEach(() => {
  vi.useFakeTimers();
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => LATENCY_MS);
  seen = [];
  errors = [];
  make();
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('[CN8] subscriptions', () => {
  it('are there one round trip after the socket is open', async () => {
    const subscription = subscribe();
    const order: string[] = [];
    client.on('connected', () => order.push('connected'));
    subscription.on('subscribed', () => order.push('subscribed'));
    client.connect();
    await pass(2 * LATENCY_MS);
    expect(types()).toEqual(['connect', 'subscribe']);
    await pass(LATENCY_MS);
    expect(order).toEqual(['connected', 'subscribed']);
    await pass(100);
    expect(asked()).toHaveLength(1);
  });

  it('come back likewise, from their positions', async () => {
    subscribe();
    client.connect();
    await pass(100);
    peer.publish(CHANNEL, 1);
    await pass(100);
    network.cut();
    peer.publish(CHANNEL, 2);
    peer.received.length = 0;
    await pass(2_000);
    expect(types()).toEqual(['connect', 'subscribe']);
    expect(asked()).toEqual([[{ channel: CHANNEL, position: { epoch: 'e1', seq: 1 } }]]);
    expect(seen).toEqual([1, 2]);
  });

  it('go in frames that every server takes', async () => {
    peer.maxFrameBytes = 4_096;
    peer.maxChannelsPerFrame = 10;
    const position = { epoch: 'e'.repeat(32), seq: Number.MAX_SAFE_INTEGER };
    for (let n = 0; n < 25; n++)
      subscribe({ position, consumer: 'c'.repeat(64) }, `many:${n}`.padEnd(200, '-'));
    await untilHandshake();
    expect(asked().map((channels) => channels.length)).toEqual([10, 10, 5]);
    for (const frame of peer.received) expect(JSON.stringify(frame).length).toBeLessThanOrEqual(4_096);
    await answerConnect();
    expect(asked()).toHaveLength(3);
  });

  it('go in larger frames after it when there are many', async () => {
    for (let i = 0; i < 250; i++) subscribe({}, `chat:${i}`);
    await untilHandshake();
    expect(asked().flat()).toHaveLength(100);
    await answerConnect();
    const sizes = asked().map(({ length }) => length);
    expect(sizes).toEqual([...Array.from({ length: 10 }, () => 10), 100, 50]);
    expect(new Set(asked().flatMap((channels) => channels.map(({ channel }) => channel)))).toHaveLength(250);
  });

  it('made before the answer are asked for after it, and only once', async () => {
    subscribe();
    await untilHandshake();
    const late = subscribe({}, 'chat:late');
    await pass(100);
    expect(asked()).toHaveLength(1);
    await answerConnect();
    expect(asked()).toEqual([[{ channel: CHANNEL }], [{ channel: 'chat:late' }]]);
    expect(late.state).toBe('subscribed');
  });

  it('left before the answer are left, and hand nothing over', async () => {
    const subscription = subscribe();
    await untilHandshake();
    subscription.unsubscribe();
    await answerConnect();
    expect(types()).toEqual(['connect', 'subscribe', 'unsubscribe']);
    peer.publish(CHANNEL, 1);
    await pass(100);
    expect(seen).toEqual([]);
  });

  it('left and made anew before the answer are new ones', async () => {
    peer.publish(CHANNEL, 1);
    peer.publish(CHANNEL, 2);
    const old = subscribe();
    await untilHandshake();
    old.unsubscribe();
    const next = subscribe({ position: { epoch: 'e1', seq: 1 } });
    await answerConnect();
    expect(types()).toEqual(['connect', 'subscribe', 'unsubscribe', 'subscribe']);
    expect(next.state).toBe('subscribed');
    peer.publish(CHANNEL, 3);
    await pass(100);
    expect(seen).toEqual([2, 3]);
  });

  it('[AK3] say afterwards what was acknowledged before the answer', async () => {
    const subscription = subscribe({ consumer: 'billing' });
    client.connect();
    await pass(100);
    peer.publish(CHANNEL, 1);
    peer.publish(CHANNEL, 2);
    await pass(100);
    network.cut();
    peer.received.length = 0;
    peer.delayAnswer = ({ type }) => type === 'connect';
    await pass(1_000);
    expect(client.state).toBe('handshaking');
    subscription.ack({ epoch: 'e1', seq: 2 });
    await pass(100);
    expect(types()).toEqual(['connect', 'subscribe']);
    expect(asked()[0]).toMatchObject([{ consumer: 'billing' }]);
    await answerConnect();
    expect(types()).toEqual(['connect', 'subscribe', 'ack']);
    expect(peer.acked(CHANNEL)).toEqual({ epoch: 'e1', seq: 2 });
    expect(seen).toEqual([1, 2]);
  });

  it('are not asked for when a listener closes the client first', async () => {
    subscribe();
    client.on('state', ({ state }) => {
      if (state === 'handshaking') client.close();
    });
    client.connect();
    await pass(100);
    expect(client.state).toBe('closed');
    expect(peer.received).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('[CN8] a connection that fails in the handshake', () => {
  it('because the token is refused says nothing of the subscriptions, and they are asked for with the next one', async () => {
    peer.refuse = (frame) => (frame.type === 'connect' && frame.token === 'token 1' ? REFUSED : undefined);
    let tokens = 0;
    make({ getToken: () => `token ${++tokens}` });
    const subscription = subscribe();
    client.connect();
    await pass(20);
    expect(client.state).toBe('waiting');
    expect(subscription.state).toBe('pending');
    await pass(2_000);
    expect(subscription.state).toBe('subscribed');
    expect(types()).toEqual(['connect', 'subscribe', 'connect', 'subscribe']);
    expect(errors).toEqual(['TOKEN_EXPIRED']);
    peer.publish(CHANNEL, 1);
    await pass(100);
    expect(seen).toEqual([1]);
  });

  it('[CN7] because the server does not take the frame, and answers those behind it with errors, refuses no subscription', async () => {
    peer.closeCodeAfterRefusal = undefined;
    const invalid: ErrorBody = { code: 'FRAME_INVALID', message: 'version', retryable: false };
    peer.refuse = (frame) => (frame.type === 'connect' && network.attempts === 1 ? invalid : undefined);
    const subscription = subscribe();
    client.connect();
    await pass(1_000);
    expect(subscription.state).toBe('pending');
    await pass(20_000);
    expect(subscription.state).toBe('subscribed');
    expect(errors).toEqual(['FRAME_INVALID']);
  });

  it('by a cut leaves nothing behind: the next one asks for what is wanted then', async () => {
    subscribe();
    const left = subscribe({}, 'chat:left');
    const changed = subscribe({}, 'chat:changed');
    await untilHandshake();
    network.cut();
    await pass(0);
    expect(client.state).toBe('waiting');
    left.unsubscribe();
    changed.unsubscribe();
    subscribe({ consumer: 'billing' }, 'chat:changed');
    peer.received.length = 0;
    peer.delayAnswer = () => false;
    await pass(2_000);
    expect(types()).toEqual(['connect', 'subscribe']);
    expect(asked()).toEqual([[{ channel: CHANNEL }, { channel: 'chat:changed', consumer: 'billing' }]]);
  });

  it('and is closed then, has left nothing either', async () => {
    const subscription = subscribe();
    await untilHandshake();
    client.close();
    subscription.unsubscribe();
    // With something left, this would be another handler on a channel in use, and no position could be given.
    subscribe({ position: { epoch: 'e1', seq: 0 } });
    peer.publish(CHANNEL, 1);
    peer.received.length = 0;
    peer.delayAnswer = () => false;
    client.connect();
    await pass(100);
    expect(types()).toEqual(['connect', 'subscribe']);
    expect(seen).toEqual([1]);
  });
});

describe('[CN8] positions that a page before the reload left', () => {
  const items = new Map<string, string>();
  const storage = plainStorage({
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  });
  const POSITION = { epoch: 'e1', seq: 1 };

  beforeEach(async () => {
    items.clear();
    peer.userOf = (token) => token;
    make({ storage, token: 'ada' });
    subscribe();
    client.connect();
    await pass(100);
    peer.publish(CHANNEL, 1);
    await pass(300);
    client.close();
    peer.received.length = 0;
  });

  it('are presented when the user is known to be the same', async () => {
    make({ storage, token: 'ada' });
    subscribe();
    await untilHandshake();
    expect(types()).toEqual(['connect']);
    await answerConnect();
    expect(asked()).toEqual([[{ channel: CHANNEL, position: POSITION }]]);
    // From now on it is this client's own.
    network.cut();
    peer.received.length = 0;
    peer.delayAnswer = ({ type }) => type === 'connect';
    await pass(1_000);
    expect(asked()).toEqual([[{ channel: CHANNEL, position: POSITION }]]);
  });

  it('are never presented for another user, however many attempts it takes', async () => {
    make({ storage, token: 'bob' });
    subscribe();
    await untilHandshake();
    network.cut();
    await pass(1_000);
    expect(types()).toEqual(['connect', 'connect']);
    await answerConnect();
    expect(asked()).toEqual([[{ channel: CHANNEL }]]);
    network.cut();
    await pass(2_000);
    expect(asked()).toHaveLength(2);
    expect(seen).toEqual([1]);
  });
});
