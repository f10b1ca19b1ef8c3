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
  ])('is refused at construction: %j', (options, message) => {
    expect(() => make(options)).toThrow(new TypeError(message));
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
