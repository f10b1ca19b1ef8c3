import type { HandedRequestFrame } from '@carillon/protocol';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestError, type RequestHandler, WorkerRequests } from './worker-requests.ts';

interface Sent {
  readonly re: string;
  readonly payload?: unknown;
  readonly error?: { readonly message: string; readonly reason?: string };
}

let sent: Sent[];
let told: string[];

const make = (methods: Readonly<Record<string, RequestHandler>>, cancelGraceMs = 1000): WorkerRequests =>
  new WorkerRequests({
    methods,
    cancelGraceMs,
    respond: (members) => sent.push(JSON.parse(`{${members}}`) as Sent),
    onError: ({ message }, method) => told.push(`${method}: ${message}`),
  });
const request = (id: string, method = 'm'): HandedRequestFrame => ({
  type: 'request',
  id,
  method,
  timeoutMs: 1000,
  payload: id,
});

beforeEach(() => {
  sent = [];
  told = [];
});

describe('requests of a worker', () => {
  it('[WK3] are answered once each: with what the handler returns, or with why not', async () => {
    const requests = make({
      m: async (data: string) => `re ${data}`,
      nothing: () => undefined,
      own: () => {
        throw new RequestError('r'.repeat(200), 'm'.repeat(2000), { retryable: true });
      },
      other: () => {
        throw new Error('secret');
      },
      circular: () => {
        const circle: { self?: unknown } = {};
        circle.self = circle;
        return circle;
      },
      none: () => () => 1,
    });
    const methods = ['m', 'nothing', 'own', 'other', 'circular', 'none', 'constructor', '__proto__'];
    for (const method of methods) requests.take(request(method, method));
    await requests.idle();
    const byId = new Map(
      sent.map(({ re, payload, error }) => [re, error === undefined ? { payload } : { error }]),
    );
    expect(sent).toHaveLength(methods.length);
    const internal = { error: { reason: 'internal', message: 'The back end failed.', retryable: false } };
    expect(byId.get('m')).toEqual({ payload: 're m' });
    expect(byId.get('nothing')).toEqual({ payload: null });
    const own = { reason: 'r'.repeat(128), message: 'm'.repeat(1000), retryable: true };
    expect(byId.get('own')).toEqual({ error: own });
    for (const method of ['other', 'circular', 'none']) expect(byId.get(method)).toEqual(internal);
    for (const method of ['constructor', '__proto__'])
      expect(byId.get(method)).toMatchObject({ error: { reason: 'no-such-method' } });
    expect(told.map((text) => text.split(':')[0]).toSorted()).toEqual(['circular', 'none', 'other']);
  });

  it('that are too large for a frame are refused with a reason', async () => {
    const requests = make({ m: () => 'x'.repeat(1000) });
    requests.maxFrameBytes = 1000;
    requests.take(request('a'));
    await requests.idle();
    expect(sent).toMatchObject([{ re: 'a', error: { reason: 'answer-too-large' } }]);
  });

  it('[WK4] when cancelled are answered by the handler that stops, and for the one that does not, once', async () => {
    vi.useFakeTimers();
    const late = Promise.withResolvers<string>();
    const requests = make({
      m: (_data: string, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      deaf: () => late.promise,
    });
    requests.take(request('a'));
    requests.take(request('b', 'deaf'));
    requests.cancel('a');
    requests.cancel('b');
    requests.cancel('never there');
    await vi.advanceTimersByTimeAsync(999);
    expect(sent.map(({ re }) => re)).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent.map(({ re }) => re)).toEqual(['a', 'b']);
    late.resolve('at last');
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent).toHaveLength(2);
    // A handler that stops because it was told to is no fault; one that goes on is.
    expect(told).toEqual([expect.stringContaining('went on for 1000 ms')]);
    vi.useRealTimers();
  });

  it('[WK6] of a broken connection are aborted, and never answered on the next one', async () => {
    const signals: AbortSignal[] = [];
    const late = Promise.withResolvers<string>();
    const requests = make({
      m: (_data: string, { signal }) => {
        signals.push(signal);
        return late.promise;
      },
    });
    requests.take(request('a'));
    requests.abortAll();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await requests.idle();
    late.resolve('x');
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toEqual([]);
  });
});
