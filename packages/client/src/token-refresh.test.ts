import type { ErrorBody } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientEvents } from './events.ts';
import { MemoryNetwork } from './memory-network.suite.ts';
import type { RealtimeClientOptions, TokenRequest } from './options.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { RealtimeClient } from './realtime-client.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;
let requests: TokenRequest[];
let failures: ClientEvents['authFailed'][];

function make(options: Partial<RealtimeClientOptions> = {}): void {
  client = new RealtimeClient({
    url: 'ws://peer',
    webSocket: network.WebSocket,
    random: () => 0.5,
    getToken: (request) => `token ${requests.push(request)}`,
    ...options,
  });
  client.on('authFailed', (event) => failures.push(event));
  client.connect();
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const refreshes = () => peer.received.filter(({ type }) => type === 'refresh');

beforeEach(() => {
  vi.useFakeTimers();
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => 5);
  requests = [];
  failures = [];
  peer.tokenLifeMs = () => HOUR_MS;
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('a token that expires', () => {
  it('[RF1] is replaced at the threshold, on the same connection', async () => {
    make();
    await pass(55 * MINUTE_MS - 1_000);
    expect(requests).toEqual([{ reason: 'first' }]);
    await pass(2_000);
    expect(requests).toEqual([{ reason: 'first' }, { reason: 'expiring' }]);
    expect(refreshes()).toMatchObject([{ token: 'token 2' }]);
    await pass(55 * MINUTE_MS);
    expect(refreshes()).toHaveLength(2);
    expect(network.attempts).toBe(1);
    expect(failures).toEqual([]);
  });

  it('is replaced in time when this clock is an hour ahead of the server', async () => {
    peer.clockAheadMs = -HOUR_MS;
    make();
    await pass(54 * MINUTE_MS);
    expect(refreshes()).toHaveLength(0);
    await pass(2 * MINUTE_MS);
    expect(refreshes()).toHaveLength(1);
  });

  it('is replaced at half of its life when that is shorter than the threshold', async () => {
    peer.tokenLifeMs = () => MINUTE_MS;
    make();
    await pass(29_000);
    expect(refreshes()).toHaveLength(0);
    await pass(2_000);
    expect(refreshes()).toHaveLength(1);
  });

  it('[RF4] is replaced when the server warns, once', async () => {
    make();
    await pass(100);
    const warning = { type: 'token_expiring', expiresAt: 1, timestamp: 0 } as const;
    peer.broadcast(warning);
    peer.broadcast(warning);
    await pass(1_000);
    expect(refreshes()).toHaveLength(1);
  });

  it('is not asked for when there is no callback', async () => {
    make({ getToken: undefined as never, token: 'fixed' });
    await pass(2 * HOUR_MS);
    expect(refreshes()).toEqual([]);
  });

  it('does not make a callback that returns the same old token run in circles', async () => {
    peer.tokenLifeMs = () => 10_000;
    make();
    peer.tokenLifeMs = () => 0;
    await pass(30_000);
    expect(refreshes().length).toBeLessThan(31);
  });
});

describe('a refresh that fails', () => {
  it('is tried again with backoff when the callback throws, and the connection goes on', async () => {
    let broken = true;
    make({
      getToken: (request) => {
        requests.push(request);
        if (broken && request.reason === 'expiring') throw new Error('no network');
        return 'token';
      },
    });
    await pass(55 * MINUTE_MS + 20_000);
    expect(failures.length).toBeGreaterThanOrEqual(3);
    expect(failures.length).toBeLessThan(8);
    expect(failures[0]).toMatchObject({ error: { code: 'TOKEN_CALLBACK_FAILED' }, willRetry: true });
    expect(client.state).toBe('connected');
    broken = false;
    await pass(MINUTE_MS);
    expect(refreshes()).toHaveLength(1);
    expect(network.attempts).toBe(1);
  });

  it('is tried again when the callback does not answer', async () => {
    make({ getToken: ({ reason }) => (reason === 'first' ? 'token' : new Promise(() => undefined)) });
    await pass(56 * MINUTE_MS);
    expect(failures[0]).toMatchObject({ error: { code: 'TIMEOUT' }, willRetry: true });
    expect(failures.length).toBeGreaterThan(1);
  });

  it('asks for another token when the server refuses this one, saying why', async () => {
    const mismatch: ErrorBody = { code: 'TOKEN_USER_MISMATCH', message: 'who?', retryable: false };
    make();
    await pass(100);
    peer.refuse = (frame) => (frame.type === 'refresh' && frame.token === 'token 2' ? mismatch : undefined);
    await pass(56 * MINUTE_MS);
    expect(requests).toMatchObject([
      { reason: 'first' },
      { reason: 'expiring' },
      { reason: 'refused', error: { code: 'TOKEN_USER_MISMATCH' } },
    ]);
    expect(failures).toMatchObject([{ error: { code: 'TOKEN_USER_MISMATCH' }, willRetry: true }]);
    expect(refreshes()).toHaveLength(2);
  });

  it('leaves it to the next connection when the server does not know the frame', async () => {
    peer.refuse = (frame) =>
      frame.type === 'refresh'
        ? { code: 'FRAME_TYPE_UNKNOWN', message: 'refresh?', retryable: false }
        : undefined;
    make();
    await pass(59 * MINUTE_MS);
    expect(refreshes()).toHaveLength(1);
    expect(failures).toMatchObject([{ willRetry: false }]);
    peer.closeAll(4102, 'TOKEN_EXPIRED');
    await pass(MINUTE_MS);
    expect(requests.at(-1)).toMatchObject({ reason: 'refused' });
    expect(client.state).toBe('connected');
  });
});

describe('a refused token at connect', () => {
  it('[CN4] is told, and another one is asked for', async () => {
    const expired: ErrorBody = { code: 'TOKEN_EXPIRED', message: 'old', retryable: false };
    peer.refuse = (frame) => (frame.type === 'connect' && frame.token === 'token 1' ? expired : undefined);
    make();
    await pass(5_000);
    expect(failures).toMatchObject([{ error: { code: 'TOKEN_EXPIRED' }, willRetry: true }]);
    expect(requests).toMatchObject([{ reason: 'first' }, { reason: 'refused' }]);
    expect(client.state).toBe('connected');
  });

  it('is final when it is fixed', async () => {
    peer.refuse = (frame) =>
      frame.type === 'connect' ? { code: 'TOKEN_EXPIRED', message: 'old', retryable: false } : undefined;
    make({ getToken: undefined as never, token: 'fixed' });
    await pass(5_000);
    expect(failures).toMatchObject([{ willRetry: false }]);
    expect(client.state).toBe('failed');
  });
});

describe('a subscription that a new token does not allow', () => {
  it('[RF3] is refused, hears nothing, and comes back with a token that allows it', async () => {
    make();
    const seen: unknown[] = [];
    const errors: string[] = [];
    const subscription = client.subscribe('news', ({ payload }) => seen.push(payload));
    subscription.on('error', ({ code }) => errors.push(code));
    await pass(100);
    const ended = { code: 'PERMISSION_DENIED', message: 'not any more', retryable: false } as const;
    peer.end('news', ended);
    await pass(100);
    peer.publish('news', 'while it was away');
    expect(subscription.state).toBe('refused');
    expect(errors).toEqual(['PERMISSION_DENIED']);
    await pass(MINUTE_MS);
    expect(seen).toEqual([]);
    await pass(55 * MINUTE_MS);
    expect(subscription.state).toBe('subscribed');
    expect(seen).toEqual(['while it was away']);
  });
});

describe('too many requests', () => {
  it('are told with the time to wait', async () => {
    make();
    await pass(100);
    const limits: ClientEvents['rateLimit'][] = [];
    client.on('rateLimit', (event) => limits.push(event));
    let refusals = 2;
    peer.refuse = ({ type }) =>
      type === 'publish' && refusals-- > 0
        ? { code: 'RATE_LIMITED', message: 'slowly', retryable: true, retryAfterMs: 2_000 }
        : undefined;
    const receipt = client.publish('news', 1);
    await pass(10_000);
    expect(limits).toMatchObject([{ retryAfterMs: 2_000 }, { retryAfterMs: 2_000 }]);
    expect(await receipt).toMatchObject({ seq: 1 });
  });
});
