import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from './deferred.ts';
import { MemoryNetwork } from './memory-network.suite.ts';
import { plainStorage } from './persistence.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { RealtimeClient } from './realtime-client.ts';
import type { SnapshotRequest } from './reconcile.ts';
import type { StateStorage } from './state-storage.ts';
import type { SubscribeOptions, Subscription } from './subscription.ts';

const CHANNEL = 'board:1';

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;
let subscription: Subscription;
let seen: unknown[];
let requests: SnapshotRequest[];
let snapshots: Deferred<{ epoch: string; seq: number } | undefined>[];

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

async function start(options: Partial<SubscribeOptions> = {}, storage?: StateStorage): Promise<void> {
  const { WebSocket: webSocket } = network;
  client = new RealtimeClient({
    url: 'ws://peer',
    webSocket,
    random: () => 0.5,
    ...(storage && { storage }),
  });
  subscription = client.subscribe(CHANNEL, ({ payload }) => seen.push(payload), {
    onSnapshotNeeded: (request) => {
      requests.push(request);
      const snapshot = deferred<{ epoch: string; seq: number } | undefined>();
      snapshots.push(snapshot);
      return snapshot.promise;
    },
    ...options,
  });
  client.connect();
  await pass(100);
}

/** Away for messages that can't be given any more, and back. */
async function loseMessages(...payloads: readonly unknown[]): Promise<void> {
  network.cut();
  for (const payload of payloads) peer.publish(CHANNEL, payload);
  peer.trim(CHANNEL);
  await pass(5_000);
}

beforeEach(() => {
  vi.useFakeTimers();
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => 5);
  seen = [];
  requests = [];
  snapshots = [];
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('a loss', () => {
  it('holds live messages until the snapshot is there, and then hands them over in order', async () => {
    await start();
    peer.publish(CHANNEL, 1);
    await pass(20);
    await loseMessages(2, 3);
    peer.publish(CHANNEL, 4);
    peer.publish(CHANNEL, 5);
    await pass(20);
    expect(seen).toEqual([1]);
    expect(subscription).toMatchObject({ holding: true, position: { epoch: 'e1', seq: 1 } });
    expect(requests).toEqual([
      {
        channel: CHANNEL,
        reason: 'history-trimmed',
        from: { epoch: 'e1', seq: 1 },
        to: { epoch: 'e1', seq: 3 },
      },
    ]);
    snapshots[0]!.resolve(undefined);
    await pass(20);
    peer.publish(CHANNEL, 6);
    await pass(20);
    expect(seen).toEqual([1, 4, 5, 6]);
    expect(subscription).toMatchObject({ holding: false, position: { epoch: 'e1', seq: 6 } });
  });

  it('leaves out what the snapshot reaches to', async () => {
    await start();
    await loseMessages(1, 2);
    for (const n of [3, 4, 5]) peer.publish(CHANNEL, n);
    await pass(20);
    snapshots[0]!.resolve({ epoch: 'e1', seq: 4 });
    await pass(20);
    expect(seen).toEqual([5]);
  });

  it('does not take a snapshot that is older than the loss', async () => {
    await start();
    await loseMessages(1, 2);
    const errors: string[] = [];
    subscription.on('error', ({ code }) => errors.push(code));
    snapshots[0]!.resolve({ epoch: 'e1', seq: 1 });
    await pass(2_000);
    expect(errors).toEqual(['SNAPSHOT_FAILED']);
    expect(requests).toHaveLength(2);
    snapshots[1]!.resolve({ epoch: 'e1', seq: 2 });
    peer.publish(CHANNEL, 3);
    await pass(20);
    expect(seen).toEqual([3]);
  });

  it('that the server tells with a gap needs a snapshot as well', async () => {
    await start();
    const from = { epoch: 'e1', seq: 0 };
    peer.newEpoch(CHANNEL, 'e2');
    peer.broadcast({
      type: 'gap',
      channel: CHANNEL,
      epoch: 'e2',
      seq: 0,
      from,
      reason: 'epoch-changed',
    });
    peer.publish(CHANNEL, 'new');
    await pass(20);
    expect(requests).toMatchObject([{ reason: 'epoch-changed', from, to: { epoch: 'e2', seq: 0 } }]);
    expect(seen).toEqual([]);
    snapshots[0]!.resolve(undefined);
    await pass(20);
    expect(seen).toEqual(['new']);
  });

  it('asks again, with backoff, when the callback fails', async () => {
    await start();
    await loseMessages(1);
    peer.publish(CHANNEL, 2);
    const errors: unknown[] = [];
    subscription.on('error', ({ code, cause }) => errors.push([code, (cause as Error).message]));
    snapshots[0]!.reject(new Error('no database'));
    await pass(10);
    expect(requests).toHaveLength(1);
    await pass(600);
    expect(requests).toHaveLength(2);
    snapshots[1]!.resolve(undefined);
    await pass(10);
    expect(errors).toEqual([['SNAPSHOT_FAILED', 'no database']]);
    expect(seen).toEqual([2]);
  });

  it('holds a bounded number of messages; with more, another snapshot is asked for', async () => {
    await start({ maxHeldMessages: 3 });
    await loseMessages('lost');
    for (const n of [1, 2, 3, 4, 5]) peer.publish(CHANNEL, n);
    await pass(20);
    expect(requests).toHaveLength(1);
    // This one may have been made before 4 was published.
    snapshots[0]!.resolve(undefined);
    await pass(20);
    expect(seen).toEqual([]);
    expect(requests[1]).toMatchObject({ reason: 'too-many-held', to: { epoch: 'e1', seq: 5 } });
    snapshots[1]!.resolve({ epoch: 'e1', seq: 5 });
    await pass(20);
    expect(seen).toEqual([5]);
  });

  it('during a snapshot makes that snapshot too old', async () => {
    await start();
    await loseMessages(1);
    await loseMessages(2);
    expect(requests).toHaveLength(1);
    snapshots[0]!.resolve({ epoch: 'e1', seq: 1 });
    await pass(20);
    expect(requests[1]).toMatchObject({ from: { epoch: 'e1', seq: 0 }, to: { epoch: 'e1', seq: 2 } });
    snapshots[1]!.resolve({ epoch: 'e1', seq: 2 });
    peer.publish(CHANNEL, 3);
    await pass(20);
    expect(seen).toEqual([3]);
  });

  it('ends with the subscription', async () => {
    await start();
    await loseMessages(1);
    peer.publish(CHANNEL, 2);
    subscription.unsubscribe();
    snapshots[0]!.resolve(undefined);
    await pass(5_000);
    expect(seen).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it('is not asked about any more when the subscription ends before the next try', async () => {
    await start();
    await loseMessages(1);
    snapshots[0]!.reject(new Error('no database'));
    await pass(10);
    subscription.unsubscribe();
    await pass(5_000);
    expect(requests).toHaveLength(1);
  });

  it('whose snapshot a reload prevented is a loss for the next page as well', async () => {
    const items = new Map<string, string>();
    const storage = plainStorage({
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
      removeItem: (key) => void items.delete(key),
    });
    await start({}, storage);
    await loseMessages(1, 2);
    peer.publish(CHANNEL, 'held, never handed over');
    await pass(300);
    client.close();
    await start({}, storage);
    expect(requests).toHaveLength(2);
    expect(requests[1]).toMatchObject({ from: { epoch: 'e1', seq: 0 }, to: { epoch: 'e1', seq: 3 } });
  });

  it('is only told where no callback is given', async () => {
    await start({ onSnapshotNeeded: undefined as never });
    await loseMessages(1);
    peer.publish(CHANNEL, 2);
    await pass(20);
    expect(seen).toEqual([2]);
  });
});

describe('a filter', () => {
  it('lets through what it says, and does not disturb order, positions or other handlers', async () => {
    await start({ filter: ({ payload }) => (payload as number) % 2 === 0 });
    const all: unknown[] = [];
    client.subscribe(CHANNEL, ({ payload }) => all.push(payload));
    for (const n of [1, 2, 3, 4, 5]) peer.publish(CHANNEL, n);
    await pass(20);
    expect(seen).toEqual([2, 4]);
    expect(all).toEqual([1, 2, 3, 4, 5]);
    expect(subscription.position).toEqual({ epoch: 'e1', seq: 5 });
  });
});

describe('many channels', () => {
  const names = Array.from({ length: 250 }, (_, n) => `many:${n}`);
  const framesOf = (type: 'subscribe' | 'unsubscribe') =>
    peer.received.flatMap((frame) => (frame.type === type ? [frame.channels.length] : []));

  it('[SU1] [SU7] are subscribed and left in as few frames as the server takes', async () => {
    await start();
    peer.received.length = 0;
    const all = names.map((name) => client.subscribe(name, () => undefined));
    await pass(50);
    expect(all.every(({ state }) => state === 'subscribed')).toBe(true);
    for (const one of all) one.unsubscribe();
    await pass(50);
    expect(framesOf('subscribe')).toEqual([100, 100, 50]);
    expect(framesOf('unsubscribe')).toEqual([100, 100, 50]);
  });

  it('come in smaller frames when the server says so', async () => {
    peer.maxChannelsPerFrame = 60;
    await start();
    peer.received.length = 0;
    for (const name of names) client.subscribe(name, () => undefined);
    await pass(50);
    expect(framesOf('subscribe')).toEqual([60, 60, 60, 60, 10]);
  });

  it('[FR3] come in frames that are not too large', async () => {
    peer.maxFrameBytes = 8_000;
    await start();
    peer.received.length = 0;
    for (const name of names) client.subscribe(`${name}${'-'.repeat(190)}`, () => undefined);
    await pass(50);
    const sizes = peer.received.map((frame) => JSON.stringify(frame).length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8_000);
    expect(framesOf('subscribe').reduce((sum, count) => sum + count, 0)).toBe(250);
  });
});
