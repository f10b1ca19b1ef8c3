import type { ClientFrame, ErrorBody, RequestFrame } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RealtimeError } from './errors.ts';
import { MemoryNetwork } from './memory-network.suite.ts';
import type { RealtimeClientOptions } from './options.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { RealtimeClient } from './realtime-client.ts';

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;

const make = (options: Partial<RealtimeClientOptions> = {}): void => {
  client = new RealtimeClient({
    url: 'ws://peer',
    webSocket: network.WebSocket,
    random: () => 0.5,
    token: 't',
    ...options,
  });
};
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const sent = <Type extends ClientFrame['type']>(type: Type) =>
  peer.received.filter((frame) => frame.type === type) as Extract<ClientFrame, { type: Type }>[];
const asked = (): readonly RequestFrame[] => sent('request');
const answer = (nth: number, payload: unknown): void =>
  peer.broadcast({ type: 'response', re: asked()[nth]!.id, payload });
const refusalOf = (promise: Promise<unknown>): Promise<RealtimeError> =>
  promise.then(
    (payload) => expect.unreachable(`answered with ${String(payload)}`),
    (error: unknown) => error as RealtimeError,
  );

beforeEach(async () => {
  vi.useFakeTimers();
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => 5);
  make();
  client.connect();
  await pass(50);
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('request', () => {
  it.each([Number.NaN, 0, -1, 1.5, Number.POSITIVE_INFINITY, 3e9])(
    'timeoutMs: %s is refused at once',
    async (timeoutMs) => {
      await expect(client.request('quotes.price', null, { timeoutMs })).rejects.toThrow(
        `timeoutMs is ${timeoutMs}; give a whole number from 1 to 2147483647`,
      );
      await pass(10);
      expect(asked()).toEqual([]);
    },
  );

  it('[RQ1] resolves with the payload of its own answer, whatever the order', async () => {
    const first = client.request<{ price: number }>('quotes.price', { symbol: 'A' }, { timeoutMs: 500 });
    const second = client.request('quotes.price');
    await pass(10);
    expect(asked()).toMatchObject([
      { method: 'quotes.price', payload: { symbol: 'A' }, timeoutMs: 500 },
      { method: 'quotes.price', payload: null },
    ]);
    answer(1, 'b');
    answer(0, { price: 2 });
    answer(0, 'twice');
    await pass(10);
    expect((await first).price).toBe(2);
    expect(await second).toBe('b');
  });

  it("[RQ7] rejects with the code, and the back end's own", async () => {
    const asking = refusalOf(client.request('orders.buy', 1));
    await pass(10);
    const error = {
      code: 'RESPONDER_ERROR',
      message: 'Sold out.',
      retryable: true,
      reason: 'sold-out',
    } as const;
    peer.broadcast({ type: 'error', re: asked()[0]!.id, ...error });
    await pass(10);
    expect(await asking).toMatchObject(error);
  });

  it('waits for a connection, and for its answer only as long as it may', async () => {
    client.close();
    make();
    const asking = refusalOf(client.request('a', 1, { timeoutMs: 1000 }));
    await pass(300);
    expect(asked()).toEqual([]);
    client.connect();
    await pass(50);
    expect(asked()).toHaveLength(1);
    await pass(700);
    expect(await asking).toMatchObject({ code: 'TIMEOUT', retryable: true });
    expect(sent('cancel')).toMatchObject([{ re: asked()[0]!.id }]);
  });

  it('[RQ5] is cancelled by its signal: before it is sent nobody hears of it, afterwards the server does', async () => {
    const reason = new Error('not needed');
    const gone = await refusalOf(client.request('a', 1, { signal: AbortSignal.abort(reason) }));
    expect(gone).toMatchObject({ code: 'REQUEST_CANCELLED', retryable: false, cause: reason });
    const abort = new AbortController();
    const asking = refusalOf(client.request('b', 1, { signal: abort.signal }));
    await pass(10);
    abort.abort();
    expect(await asking).toMatchObject({ code: 'REQUEST_CANCELLED' });
    await pass(10);
    expect(asked()).toMatchObject([{ method: 'b' }]);
    expect(sent('cancel')).toMatchObject([{ re: asked()[0]!.id }]);
  });

  it('[RQ6] [RQ9] is never sent twice: when the connection breaks, the outcome is unknown', async () => {
    const asking = refusalOf(client.request('orders.buy', 1, { timeoutMs: 60_000 }));
    const history = client.history('chat');
    await pass(10);
    network.cut();
    expect(await asking).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: true });
    await pass(5000);
    // Requests without effects, such as history, are repeated.
    expect(asked()).toHaveLength(1);
    expect(await history).toEqual({ messages: [], more: false });
  });

  it('refuses what the server would not read, and what is no JSON', async () => {
    const tooLarge = refusalOf(client.request('a', 'ä'.repeat(40_000)));
    expect(await tooLarge).toMatchObject({ code: 'FRAME_TOO_LARGE' });
    await expect(client.request('a', () => 1)).rejects.toThrow(TypeError);
    const many = Array.from({ length: 257 }, () => refusalOf(client.request('a')));
    expect(await many[256]).toMatchObject({ code: 'REQUESTS_FULL', retryable: true } satisfies Partial<
      Record<keyof ErrorBody, unknown>
    >);
  });

  it('[V1] carries the trace that it is given, or that of the option', async () => {
    client.close();
    const trace = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
    make({ traceparent: (method) => (method === 'a' ? trace('a') : undefined) });
    client.connect();
    for (const [method, options] of [
      ['a', {}],
      ['b', {}],
      ['a', { trace: trace('c') }],
    ] as const)
      client.request(method, 1, options).catch(() => undefined); // nobody answers
    await pass(50);
    expect(asked().map(({ trace }) => trace)).toEqual([trace('a'), undefined, trace('c')]);
  });
});
