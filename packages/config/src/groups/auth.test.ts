import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../load.ts';
import type { Environment } from '../setting.ts';
import { authSettings } from './auth.ts';

const SECRET = 'a-secret-of-more-than-32-characters-0001';

function auth(env: Environment) {
  return loadConfig({ auth: authSettings }, env).config.auth;
}

const pem = { type: 'spki', format: 'pem' } as const;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const RSA = rsa.publicKey.export(pem).toString();
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export(pem).toString();
const P384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export(pem).toString();
const ED = generateKeyPairSync('ed25519').publicKey.export(pem).toString();
const WEAK = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export(pem).toString();

describe('keys', () => {
  test.each([
    ['RS256', RSA],
    ['ES256', EC],
    ['EdDSA', ED],
  ])('the algorithm of a public key is %s by its kind', (algorithm, key) => {
    expect(auth({ CARILLON_JWT_PUBLIC_KEY: key }).algorithms).toEqual([algorithm]);
    const oneLine = key.trim().replaceAll('\n', '\\n');
    expect(auth({ CARILLON_JWT_PUBLIC_KEY: oneLine }).publicKey).toBe(key.trim());
  });

  test('secret and public key together allow both algorithms', () => {
    expect(auth({ CARILLON_JWT_SECRET: SECRET, CARILLON_JWT_PUBLIC_KEY: EC }).algorithms).toEqual([
      'HS256',
      'ES256',
    ]);
  });

  test('a JWKS allows all asymmetric algorithms, not HS256', () => {
    const env = { CARILLON_JWT_JWKS_URL: 'https://id.example.com/jwks.json' };
    expect(auth(env).algorithms).toEqual(['RS256', 'ES256', 'EdDSA']);
  });

  test('none at all is refused, naming all three', () => {
    expect(() => auth({})).toThrow(/CARILLON_JWT_SECRET, CARILLON_JWT_PUBLIC_KEY or CARILLON_JWT_JWKS_URL/);
  });

  test('none is fine when anonymous clients are allowed', () => {
    const env = { CARILLON_ANONYMOUS: '{"public:*":["subscribe"]}' };
    expect(auth(env)).toMatchObject({
      algorithms: [],
      anonymous: { capabilities: { 'public:*': ['subscribe'] } },
    });
  });

  test.each([
    [
      'a private key',
      rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      /it is a private key/,
    ],
    ['an unsupported curve', P384, /not supported/],
    ['a short RSA key', WEAK, /below 2048 bits/],
    ['junk', 'junk', /not a readable PEM/],
  ])('%s is refused as a public key', (_what, key, message) => {
    expect(() => auth({ CARILLON_JWT_PUBLIC_KEY: key })).toThrow(message);
  });

  test('a public key is refused as a secret: that is how signatures get forged', () => {
    expect(() => auth({ CARILLON_JWT_SECRET: RSA })).toThrow(/it is a PEM key/);
  });

  test('31 bytes of secret are too few, 32 enough', () => {
    expect(() => auth({ CARILLON_JWT_SECRET: 'x'.repeat(31) })).toThrow(/it has 31 bytes/);
    expect(auth({ CARILLON_JWT_SECRET: 'x'.repeat(32) }).secret).toHaveLength(32);
  });
});

describe('algorithms against keys', () => {
  test.each<[string, Environment, RegExp]>([
    [
      'HS256 without a secret',
      { CARILLON_JWT_PUBLIC_KEY: EC, CARILLON_JWT_ALGORITHMS: 'ES256,HS256' },
      /has HS256/,
    ],
    [
      'RS256 with a P-256 key',
      { CARILLON_JWT_PUBLIC_KEY: EC, CARILLON_JWT_ALGORITHMS: 'RS256' },
      /can verify: ES256/,
    ],
    [
      'a secret that nothing uses',
      {
        CARILLON_JWT_SECRET: SECRET,
        CARILLON_JWT_JWKS_URL: 'https://x.y/z',
        CARILLON_JWT_ALGORITHMS: 'RS256',
      },
      /CARILLON_JWT_SECRET is given/,
    ],
    [
      'a public key that nothing uses',
      { CARILLON_JWT_SECRET: SECRET, CARILLON_JWT_PUBLIC_KEY: EC, CARILLON_JWT_ALGORITHMS: 'HS256' },
      /is a key for ES256/,
    ],
    ['an empty list', { CARILLON_JWT_JWKS_URL: 'https://x.y/z', CARILLON_JWT_ALGORITHMS: ',' }, /empty list/],
    ['none', { CARILLON_JWT_SECRET: SECRET, CARILLON_JWT_ALGORITHMS: 'none' }, /the item "none" is wrong/],
  ])('%s is refused', (_what, env, message) => {
    expect(() => auth(env)).toThrow(message);
  });

  test('a JWKS can be narrowed to one algorithm', () => {
    const env = { CARILLON_JWT_JWKS_URL: 'https://x.y/z', CARILLON_JWT_ALGORITHMS: 'ES256' };
    expect(auth(env).algorithms).toEqual(['ES256']);
  });
});

test('issuers, audiences and claims', () => {
  const env = {
    CARILLON_JWT_SECRET: SECRET,
    CARILLON_JWT_ISSUER: 'https://a/, https://b/',
    CARILLON_JWT_AUDIENCE: 'carillon',
    CARILLON_JWT_USER_CLAIM: 'uid',
    CARILLON_JWT_ROLE_CLAIM: 'https://example.com/role',
  };
  expect(auth(env)).toMatchObject({
    issuers: ['https://a/', 'https://b/'],
    audiences: ['carillon'],
    userClaims: ['uid'],
    roleClaim: 'https://example.com/role',
  });
  expect(() => auth({ ...env, CARILLON_JWT_USER_CLAIM: ',' })).toThrow(/needs at least one claim/);
});

test('the leeway stays below the greatest age', () => {
  const env = { CARILLON_JWT_SECRET: SECRET, CARILLON_JWT_LEEWAY_MS: '5m', CARILLON_JWT_MAX_AGE_MS: '1m' };
  expect(() => auth(env)).toThrow(/must be below CARILLON_JWT_MAX_AGE_MS/);
  expect(auth({ ...env, CARILLON_JWT_MAX_AGE_MS: '0' }).maxTokenAgeMs).toBe(0);
});

test.each([
  ['off', undefined],
  ['OFF', undefined],
  ['{"a":["subscribe","history"]}', { capabilities: { a: ['subscribe', 'history'] } }],
])('CARILLON_ANONYMOUS=%s', (given, expected) => {
  expect(auth({ CARILLON_JWT_SECRET: SECRET, CARILLON_ANONYMOUS: given }).anonymous).toEqual(expected);
});

test.each([
  'on',
  'true',
  '[]',
  '{"a":"subscribe"}',
  '{"a":["fly"]}',
  '{"":["subscribe"]}',
  '{"a b":["subscribe"]}',
  `{"${'*'.repeat(9)}":["subscribe"]}`,
])('CARILLON_ANONYMOUS=%s is refused', (given) => {
  expect(() => auth({ CARILLON_JWT_SECRET: SECRET, CARILLON_ANONYMOUS: given })).toThrow(
    /CARILLON_ANONYMOUS is/,
  );
});
