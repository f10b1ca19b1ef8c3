import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { createKeySet } from './key-set.ts';
import { TokenError } from './token-error.ts';
import { createTokenVerifier } from './verifier.ts';

const URL_ = 'https://id.example.com/jwks.json';
const NOW_MS = 1_800_000_000_000;

function keyPair(kid: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } };
}

const a = keyPair('a');
const b = keyPair('b');
const c = keyPair('c');

/** An identity provider whose keys, health and clock the test decides. */
function provider(...initial: unknown[]) {
  const state = { keys: initial, up: true, requests: 0, nowMs: NOW_MS, faults: [] as Error[] };
  const fetchKeys: typeof fetch = async () => {
    state.requests++;
    if (!state.up) throw new TypeError('connection refused');
    return Response.json({ keys: state.keys });
  };
  const deps = {
    now: () => state.nowMs,
    fetch: fetchKeys,
    onFault: (fault: Error) => state.faults.push(fault),
  };
  return { state, set: createKeySet({ url: URL_, ...deps }), deps };
}

function sign(key: KeyObject, header: { kid?: string } = {}, nowMs = NOW_MS): Promise<string> {
  return new SignJWT({ sub: 'u1', iat: nowMs / 1000 })
    .setProtectedHeader({ alg: 'ES256', ...header })
    .sign(key);
}

async function code(verifying: Promise<unknown>): Promise<string> {
  try {
    await verifying;
    return 'accepted';
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

describe('keys are chosen', () => {
  test('by kid', async () => {
    const { set } = provider(a.jwk, b.jwk);
    expect(await set.candidates('ES256', 'b')).toHaveLength(1);
    expect(await set.candidates('ES256', 'nobody')).toEqual([]);
    expect(await set.candidates('RS256', 'b')).toEqual([]);
  });

  test('without kid all of the algorithm, up to 8', async () => {
    const { set } = provider(a.jwk, b.jwk);
    expect(await set.candidates('ES256', undefined)).toHaveLength(2);
    const many = provider(...Array.from({ length: 20 }, (_, i) => ({ ...a.jwk, kid: `k${i}` })));
    expect(await many.set.candidates('ES256', undefined)).toHaveLength(8);
  });

  test('leaving out secrets, private keys, keys for encryption, other curves and junk', async () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const { set } = provider(
      { kty: 'oct', k: 'c2VjcmV0', kid: 'a', alg: 'HS256' },
      { ...a.privateKey.export({ format: 'jwk' }), kid: 'a' },
      { ...a.jwk, use: 'enc' },
      { ...a.jwk, key_ops: ['sign'] },
      { ...a.jwk, alg: 'ES384' },
      { ...p384, kid: 'a' },
      { ...weak, kid: 'a' },
      { kty: 'EC', crv: 'P-256', x: 'junk', y: 'junk', kid: 'a' },
      null,
      'x',
      b.jwk,
    );
    for (const algorithm of ['ES256', 'RS256', 'EdDSA'] as const) {
      expect(await set.candidates(algorithm, 'a')).toEqual([]);
    }
    expect(await set.candidates('ES256', 'b')).toHaveLength(1);
  });
});

describe('reading the set', () => {
  test('once for many tokens at the same time', async () => {
    const { set, state } = provider(a.jwk);
    await Promise.all(Array.from({ length: 50 }, () => set.candidates('ES256', 'a')));
    expect(state.requests).toBe(1);
  });

  test('rotation: an unknown kid reads again, but not within the cooldown', async () => {
    const { set, state } = provider(a.jwk);
    await set.candidates('ES256', 'a');
    state.keys = [b.jwk];
    expect(await set.candidates('ES256', 'b')).toEqual([]);
    expect(state.requests).toBe(1);
    state.nowMs += 10_000;
    expect(await set.candidates('ES256', 'b')).toHaveLength(1);
    expect(state.requests).toBe(2);
    expect(await set.candidates('ES256', 'a')).toEqual([]);
  });

  test('a flood of invented kids costs one request per cooldown', async () => {
    const { set, state } = provider(a.jwk);
    for (let i = 0; i < 1000; i++) {
      state.nowMs += 100;
      await set.candidates('ES256', `invented-${i}`);
    }
    expect(state.requests).toBeLessThanOrEqual(11);
  });

  test('old keys are read again in the background, nobody waits', async () => {
    const { set, state } = provider(a.jwk);
    await set.candidates('ES256', 'a');
    state.nowMs += 600_000;
    state.keys = [a.jwk, c.jwk];
    expect(await set.candidates('ES256', 'a')).toHaveLength(1);
    await expect.poll(() => set.version).toBe(2);
    expect(await set.candidates('ES256', 'c')).toHaveLength(1);
    expect(state.requests).toBe(2);
  });
});

describe('when the provider is away', () => {
  test('known keys go on serving, up to a day', async () => {
    const { set, state } = provider(a.jwk);
    await set.candidates('ES256', 'a');
    state.up = false;
    for (let hour = 1; hour < 24; hour++) {
      state.nowMs += 3_600_000;
      expect(await set.candidates('ES256', 'a')).toHaveLength(1);
    }
    expect(state.faults.length).toBeGreaterThan(0);
    state.nowMs += 3_600_000;
    expect(await code(set.candidates('ES256', 'a'))).toBe('KEYS_UNAVAILABLE');
  });

  test('an unknown kid is told to come again, not that its token is bad', async () => {
    const { set, state } = provider(a.jwk);
    await set.candidates('ES256', 'a');
    state.up = false;
    state.nowMs += 10_000;
    expect(await code(set.candidates('ES256', 'b'))).toBe('KEYS_UNAVAILABLE');
    expect(await code(set.candidates('ES256', 'b'))).toBe('KEYS_UNAVAILABLE');
    expect(await set.candidates('ES256', 'a')).toHaveLength(1);
  });

  test('at start: refused as retryable with a hint when, recovers by itself', async () => {
    const { set, state } = provider(a.jwk);
    state.up = false;
    await set.preload();
    expect(state.faults).toHaveLength(1);
    const error = await set.candidates('ES256', 'a').catch((fault: unknown) => fault);
    expect(error).toMatchObject({ code: 'KEYS_UNAVAILABLE', retryable: true, retryAfterMs: 10_000 });
    expect(state.requests).toBe(1);
    state.up = true;
    state.nowMs += 10_000;
    expect(await set.candidates('ES256', 'a')).toHaveLength(1);
  });

  test.each<[string, () => Response]>([
    ['an error page', () => new Response('<html>', { status: 502 })],
    ['no JSON', () => new Response('<html>')],
    ['no keys', () => Response.json({ keys: [] })],
    ['another shape', () => Response.json([])],
    ['null', () => Response.json(null)],
    ['a huge answer', () => new Response(`${JSON.stringify({ keys: [b.jwk] })}${' '.repeat(300_000)}`)],
  ])('%s does not replace the keys', async (_what, answer) => {
    let answers = (): Response => Response.json({ keys: [a.jwk] });
    let nowMs = NOW_MS;
    const faults: Error[] = [];
    const set = createKeySet({
      url: URL_,
      fetch: async () => answers(),
      now: () => nowMs,
      onFault: (fault) => faults.push(fault),
    });
    await set.candidates('ES256', 'a');
    answers = answer;
    nowMs += 600_000;
    expect(await set.candidates('ES256', 'a')).toHaveLength(1);
    await expect.poll(() => faults.length).toBe(1);
    expect(await set.candidates('ES256', 'a')).toHaveLength(1);
  });
});

describe('verifier with a key set', () => {
  function verifier(...keys: unknown[]) {
    const { state, deps } = provider(...keys);
    return { state, verifier: createTokenVerifier({ jwksUrl: URL_ }, deps) };
  }

  test('accepts by kid and without, refuses unknown kids and foreign signatures', async () => {
    const { verifier: tokens } = verifier(a.jwk, b.jwk);
    await tokens.preload();
    expect(await tokens.verify(await sign(a.privateKey, { kid: 'a' }))).toMatchObject({ userId: 'u1' });
    expect(await tokens.verify(await sign(b.privateKey))).toMatchObject({ userId: 'u1' });
    expect(await code(tokens.verify(await sign(a.privateKey, { kid: 'b' })))).toBe('TOKEN_SIGNATURE_INVALID');
    expect(await code(tokens.verify(await sign(a.privateKey, { kid: 'x' })))).toBe('TOKEN_SIGNATURE_INVALID');
    expect(await code(tokens.verify(await sign(c.privateKey)))).toBe('TOKEN_SIGNATURE_INVALID');
  });

  test('a key set never makes HS256 possible', async () => {
    const { verifier: tokens } = verifier(a.jwk);
    expect(tokens.algorithms).not.toContain('HS256');
  });

  test('a token of a key that was withdrawn is refused, remembered or not', async () => {
    const { verifier: tokens, state } = verifier(a.jwk);
    const token = await sign(a.privateKey, { kid: 'a' });
    expect(await code(tokens.verify(token))).toBe('accepted');
    state.keys = [b.jwk];
    state.nowMs += 10_000;
    expect(await code(tokens.verify(await sign(b.privateKey, { kid: 'b' })))).toBe('accepted');
    expect(await code(tokens.verify(token))).toBe('TOKEN_SIGNATURE_INVALID');
  });
});
