import { describe, expect, it } from 'vitest';
import { RealtimeClient, type RealtimeClientOptions } from './index.ts';

const URL_GOOD = 'wss://rt.example.com';
const make = (options: object): RealtimeClient => new RealtimeClient(options as RealtimeClientOptions);
const ADDRESS = 'give a ws:, wss:, http: or https: address';

describe('an option that can not be used', () => {
  it.each([
    [{}, `Option url is "undefined"; ${ADDRESS}`],
    [{ url: '' }, `Option url is ""; ${ADDRESS}`],
    [{ url: 'rt.example.com' }, `Option url is "rt.example.com"; ${ADDRESS}`],
    [{ url: 'localhost:8080' }, `Option url is "localhost:8080"; ${ADDRESS}`],
    [{ url: 'ftp://rt.example.com' }, `Option url is "ftp://rt.example.com"; ${ADDRESS}`],
    [{ url: URL_GOOD, token: Promise.resolve('secret') }, 'Option token is object; give a string'],
    [{ url: URL_GOOD, token: () => 'secret' }, 'Option token is function; give a string'],
    [{ url: URL_GOOD, getToken: 'secret' }, 'Option getToken is string; give a function'],
    [{ url: URL_GOOD, token: '', getToken: () => 'secret' }, 'Give token or getToken, not both'],
    [
      { url: URL_GOOD, connectTimeoutMs: '10000' },
      'Option connectTimeoutMs is 10000 (string); give a number from 1 to 2147483647',
    ],
    [
      { url: URL_GOOD, pongTimeoutMs: Number.NaN },
      'Option pongTimeoutMs is NaN (number); give a number from 1 to 2147483647',
    ],
    [
      { url: URL_GOOD, pingIntervalMs: 0 },
      'Option pingIntervalMs is 0 (number); give a number from 1 to 2147483647',
    ],
    [{ url: URL_GOOD, maxAttempts: 0 }, 'Option maxAttempts is 0 (number); give a number from 1 to Infinity'],
    [
      { url: URL_GOOD, requestTimeoutMs: 3e9 },
      'Option requestTimeoutMs is 3000000000 (number); give a number from 1 to 2147483647',
    ],
    [
      { url: URL_GOOD, backoff: { maxMs: '30s' } },
      'Option maxMs is 30s (string); give a number from 1 to 2147483647',
    ],
    [
      { url: URL_GOOD, outbox: { maxMessages: -1 } },
      'Option maxMessages is -1 (number); give a number from 1 to Infinity',
    ],
    [{ url: URL_GOOD, reconect: true }, 'Option reconect is unknown; known are url token getToken'],
    [{ url: URL_GOOD, maxMessages: 5 }, 'Option maxMessages is unknown; known are url token getToken'],
    [{ url: URL_GOOD, now: 5 }, 'Option now is unknown; known are url token getToken'],
    [
      { url: URL_GOOD, backoff: { initalMs: 5 } },
      'Option initalMs is unknown; known are initialMs factor maxMs',
    ],
    [{ url: URL_GOOD, outbox: { max: 5 } }, 'Option max is unknown; known are maxMessages maxBytes'],
    [
      { url: URL_GOOD, storage: { getItem: () => null } },
      'Option storage is object; give browserStorage() or plainStorage(items)',
    ],
  ])('is refused at construction: %j', (options, message) => {
    expect(() => make(options)).toThrow(TypeError);
    expect(() => make(options)).toThrow(message);
  });
});

it('takes every kind of address and the bounds', () => {
  for (const url of [
    'ws://127.0.0.1:8080',
    'wss://rt.example.com/way',
    'http://localhost',
    'https://rt.example.com',
  ])
    make({ url });
  make({ url: URL_GOOD, token: undefined, getToken: undefined, backoff: undefined, outbox: {} });
  make({
    url: URL_GOOD,
    refreshThresholdMs: 1,
    stateMaxAgeMs: 1,
    maxAttempts: Infinity,
    backoff: { factor: 1.5 },
  });
});

it.each([
  ['ws://127.0.0.1:8080', '/v1/ws'],
  ['https://rt.example.com/', '/v1/ws'],
  ['https://rt.example.com/v1/ws', '/v1/ws'],
  ['wss://example.com/realtime', '/realtime/v1/ws'],
  ['wss://example.com/realtime/', '/realtime/v1/ws'],
  ['wss://example.com/realtime/v1/ws?x=1', '/realtime/v1/ws'],
])('finds the endpoint below the address %s', async (url, path) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  class Recorded {
    constructor(address: string) {
      resolve(new URL(address).pathname);
      throw new Error('enough');
    }
  }
  const client = make({ url, webSocket: Recorded });
  client.connect().catch(() => undefined);
  expect(await promise).toBe(path);
  client.close();
});

describe('an option of a call that does not exist', () => {
  const client = make({ url: URL_GOOD });
  const wrong = { positon: 1 } as object;

  it('is refused where it is given', async () => {
    expect(() => client.subscribe('a', () => undefined, wrong)).toThrow(/Option positon is unknown/);
    for (const call of [
      () => client.publish('a', 1, wrong),
      () => client.history('a', wrong),
      () => client.request('a', 1, wrong),
    ])
      await expect(call()).rejects.toThrow(/Option positon is unknown/);
  });
});
