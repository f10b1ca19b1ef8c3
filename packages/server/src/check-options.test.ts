import { describe, expect, it } from 'vitest';
import { BackendClient, createWorker, mintToken } from './index.ts';

const url = 'https://rt.example.com';
const SECRET = 's'.repeat(32);
const ADDRESS = 'give an http:, https:, ws: or wss: address, e.g. https://rt.example.com';
const methods = { m: () => 1 };

/** Wrong for all that connect. */
const CASES: readonly (readonly [object, string])[] = [
  [{}, `Option url is "undefined"; ${ADDRESS}`],
  [{ url: 'rt.example.com' }, `Option url is "rt.example.com"; ${ADDRESS}`],
  [{ url: 'localhost:8080' }, `Option url is "localhost:8080"; ${ADDRESS}`],
  [{ url: `${url}/?a=1` }, 'Option url is one with "?a=1"; give an address without a query or a fragment'],
  [{ url, token: 7 }, 'Option token is number; give a string, or a function that gives one'],
  [
    { url, token: Promise.resolve('t') },
    'Option token is object; give a string, or a function that gives one',
  ],
  [{ url, token: undefined }, 'Option token is undefined; give one, or leave it out for an anonymous client'],
  [
    { url, jwtSecret: undefined },
    'Option jwtSecret is undefined; give one, or leave it out for an anonymous client',
  ],
  [{ url, jwtSecret: 'short' }, 'Option jwtSecret: the secret has 5 bytes; HS256 needs at least 32'],
  [{ url, jwtSecret: 5 }, "Option jwtSecret is number; give the text of the gateways' CARILLON_JWT_SECRET"],
];

describe('an option that can not be used is refused at construction', () => {
  it.each(CASES)('by BackendClient: %j', (options, message) => {
    expect(() => new BackendClient(options as never)).toThrow(message);
  });

  it.each([
    ...CASES,
    [{ url, jwtSecret: SECRET, methods: {} }, 'Option methods names no method; give a function for each'],
    [{ url, methods: { m: 'x' } }, 'Option methods.m is string; give a function'],
    [{ url, concurency: 5 }, 'Option concurency is unknown; known are url, token'],
    [{ url, backoff: { max: 5 } }, 'Option backoff.max is unknown; known are initialMs, maxMs'],
    [{ url, concurrency: 0 }, 'Option concurrency is 0 (number); give a number from 1 to 1000'],
    [
      { url, cancelGraceMs: '10s' },
      'Option cancelGraceMs is 10s (string); give a number from 0 to 2147483647',
    ],
    [
      { url, backoff: { maxMs: Number.NaN } },
      'Option backoff.maxMs is NaN (number); give a number from 1 to 2147483647',
    ],
  ] as const)('by createWorker: %j', (options, message) => {
    expect(() => createWorker({ methods, ...options } as never)).toThrow(message);
  });

  it.each([
    [{ retires: {} }, 'Option retires is unknown; known are url, token, jwtSecret, userId, retry'],
    [{ retry: { attempts: 3 } }, 'Option retry.attempts is unknown; known are maxAttempts, initialMs'],
    [{ retry: { maxAttempts: 0 } }, 'Option retry.maxAttempts is 0 (number); give a number from 1 to'],
    [{ retry: { attemptTimeoutMs: '1s' } }, 'Option retry.attemptTimeoutMs is 1s (string)'],
  ])('by BackendClient: %j', (options, message) => {
    expect(() => new BackendClient({ url, ...options } as never)).toThrow(message);
  });

  it.each([
    [
      { secret: undefined, userId: 'ada' },
      "Option secret is undefined; give the text of the gateways' CARILLON_JWT_SECRET",
    ],
    [
      { secret: SECRET, userId: 'ada', expiresIn: 5 },
      'Option expiresIn is unknown; known are secret, userId',
    ],
    [{ secret: SECRET, userId: '' }, 'Option userId is empty; give the id of the user'],
    [{ secret: SECRET, userId: 7 }, 'Option userId is number; give the id of the user'],
    [
      { secret: SECRET, userId: 'ada', expiresInMs: 999 },
      'Option expiresInMs is 999 (number); give a number from 1000 to',
    ],
  ])('by mintToken: %j', async (options, message) => {
    await expect(mintToken(options as never)).rejects.toThrow(message);
  });
});

it('takes every kind of address, with a path and a slash, and no credentials', () => {
  for (const address of [url, `${url}/`, 'ws://127.0.0.1:8080', 'http://localhost/way/'])
    expect([new BackendClient({ url: address }), createWorker({ url: address, methods })]).toHaveLength(2);
});

describe('an id that no path can have', () => {
  const client = new BackendClient({ url });

  it.each(['.', '..', ''])('is refused instead of leading to another route: "%s"', async (id) => {
    for (const call of [
      () => client.publish(id, 1),
      () => client.publishBatch(id, [{ payload: 1 }]),
      () => client.history(id),
      () => client.consumers(id),
      () => client.schedules.add(id, 1, { delayMs: 1000 }),
      () => client.schedules.find(id),
      () => client.schedules.cancel(id),
      () => client.users.sessions(id),
      () => client.users.disconnect(id),
      () => client.sessions.disconnect(id),
    ])
      await expect(call()).rejects.toThrow(/^Option \w+ is "\.*"; give another one: no address can have/);
  });
});

describe('an option of a call that does not exist', () => {
  const client = new BackendClient({ url });
  const wrong = { idempotencykey: 'x' } as object;

  it('is refused', async () => {
    for (const call of [
      () => client.publish('a', 1, wrong),
      () => client.publishBatch('a', [], wrong),
      () => client.history('a', wrong),
      () => client.schedules.add('a', 1, { delayMs: 1000, ...wrong }),
    ])
      await expect(call()).rejects.toThrow(/^Option idempotencykey is unknown; known are/);
  });
});
