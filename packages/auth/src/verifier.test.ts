import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ErrorCode } from '@carillon/protocol';
import { jwtVerify, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { allows } from './capabilities.ts';
import { mintToken } from './mint.ts';
import { TokenError } from './token-error.ts';
import { createTokenVerifier, type TokenVerifierOptions } from './verifier.ts';

const SECRET = 'a-secret-of-more-than-32-characters-0001';
const NOW_MS = 1_800_000_000_000;
const NOW = NOW_MS / 1000;
const now = () => NOW_MS;

const keys = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** Signs whatever it is given with HMAC: what an honest library would refuse to make. */
function forge(header: unknown, payload: unknown, secret: string | Buffer = SECRET): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const HS256 = { alg: 'HS256', typ: 'JWT' };
const CLAIMS = { sub: 'u1', iat: NOW, exp: NOW + 3600 };

function hs256(options: TokenVerifierOptions = {}) {
  return createTokenVerifier({ secret: SECRET, ...options }, { now });
}

async function refusal(verifying: Promise<unknown>): Promise<TokenError> {
  try {
    await verifying;
  } catch (error) {
    if (error instanceof TokenError) return error;
    throw error;
  }
  throw new Error('the token was accepted');
}

describe('[S1] good tokens', () => {
  test.each(['RS256', 'ES256', 'EdDSA'] as const)('%s by public key', async (alg) => {
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg }).sign(keys[alg].privateKey);
    const verifier = createTokenVerifier({ publicKey: pem(keys[alg].publicKey) }, { now });
    expect(verifier.algorithms).toEqual([alg]);
    expect(await verifier.verify(token)).toMatchObject({ userId: 'u1', expiresAtMs: NOW_MS + 3_600_000 });
    expect(await verifier.verify(token)).toMatchObject({ userId: 'u1' });
  });

  test('EdDSA by its newer name', async () => {
    const token = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'Ed25519' })
      .sign(keys.EdDSA.privateKey);
    const verifier = createTokenVerifier({ publicKey: pem(keys.EdDSA.publicKey) }, { now });
    expect(await verifier.verify(token)).toMatchObject({ userId: 'u1' });
  });

  test('HS256, made by another library', async () => {
    const token = await new SignJWT(CLAIMS).setProtectedHeader(HS256).sign(Buffer.from(SECRET));
    expect(await hs256().verify(token)).toMatchObject({ userId: 'u1' });
  });

  test('secret and public key side by side', async () => {
    const verifier = createTokenVerifier({ secret: SECRET, publicKey: pem(keys.ES256.publicKey) }, { now });
    const signed = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'ES256' }).sign(keys.ES256.privateKey);
    expect(await verifier.verify(signed)).toMatchObject({ userId: 'u1' });
    expect(await verifier.verify(forge(HS256, CLAIMS))).toMatchObject({ userId: 'u1' });
  });

  test('everything in the identity', async () => {
    const token = await mintToken({
      secret: SECRET,
      userId: 'u1',
      capabilities: { 'chat:*': ['subscribe'] },
      app: 'shop',
      role: 'admin',
      name: 'Ada',
      tokenId: 't1',
      issuer: 'me',
      claims: { email: 'ada@example.com', sub: 'not this' },
      issuedAtMs: NOW_MS,
    });
    const verified = await hs256({ issuers: ['me'] }).verify(token);
    expect(verified).toMatchObject({
      userId: 'u1',
      app: 'shop',
      role: 'admin',
      name: 'Ada',
      tokenId: 't1',
      issuedAtMs: NOW_MS,
      expiresAtMs: NOW_MS + 3_600_000,
      validUntilMs: NOW_MS + 3_660_000,
    });
    expect({ ...verified.sessionClaims }).toEqual({
      email: 'ada@example.com',
      app: 'shop',
      role: 'admin',
      name: 'Ada',
    });
    expect(allows(verified.capabilities, 'subscribe', 'chat:x')).toBe(true);
    expect(allows(verified.capabilities, 'publish', 'chat:x')).toBe(false);
  });

  test('minted tokens are what jose accepts, too', async () => {
    const token = await mintToken({ secret: SECRET, userId: 'u1', audience: ['a', 'b'], issuedAtMs: NOW_MS });
    const { payload } = await jwtVerify(token, Buffer.from(SECRET), {
      algorithms: ['HS256'],
      audience: 'b',
      currentDate: new Date(NOW_MS),
    });
    expect(payload.sub).toBe('u1');
    await expect(mintToken({ secret: 'short', userId: 'u' })).rejects.toThrow(/at least 32/);
  });
});

describe('attacks on the signature', () => {
  const rsaPem = pem(keys.RS256.publicKey);
  const rs256 = createTokenVerifier({ publicKey: rsaPem }, { now });
  const both = createTokenVerifier({ secret: SECRET, publicKey: rsaPem }, { now });

  test.each<[string, string, ErrorCode]>([
    ['alg none', `${encode({ alg: 'none' })}.${encode(CLAIMS)}.`, 'TOKEN_ALGORITHM_NOT_ALLOWED'],
    ['alg None', `${encode({ alg: 'None' })}.${encode(CLAIMS)}.`, 'TOKEN_ALGORITHM_NOT_ALLOWED'],
    ['alg of the prototype', forge({ alg: 'toString' }, CLAIMS), 'TOKEN_ALGORITHM_NOT_ALLOWED'],
    ['alg in lower case', forge({ alg: 'hs256' }, CLAIMS), 'TOKEN_ALGORITHM_NOT_ALLOWED'],
    ['HS512', forge({ alg: 'HS512' }, CLAIMS), 'TOKEN_ALGORITHM_NOT_ALLOWED'],
    ['no alg', forge({ typ: 'JWT' }, CLAIMS), 'TOKEN_MALFORMED'],
    ['alg as a list', forge({ alg: ['HS256'] }, CLAIMS), 'TOKEN_MALFORMED'],
    ['no signature', `${encode(HS256)}.${encode(CLAIMS)}.`, 'TOKEN_SIGNATURE_INVALID'],
    ['another secret', forge(HS256, CLAIMS, 'x'.repeat(40)), 'TOKEN_SIGNATURE_INVALID'],
    ['an empty secret', forge(HS256, CLAIMS, ''), 'TOKEN_SIGNATURE_INVALID'],
    ['a shortened signature', forge(HS256, CLAIMS).slice(0, -3), 'TOKEN_SIGNATURE_INVALID'],
    ['crit', forge({ ...HS256, crit: ['exp'] }, CLAIMS), 'TOKEN_MALFORMED'],
    ['crit b64', forge({ ...HS256, b64: false, crit: ['b64'] }, CLAIMS), 'TOKEN_MALFORMED'],
    ['typ of a logout token', forge({ ...HS256, typ: 'logout+jwt' }, CLAIMS), 'TOKEN_MALFORMED'],
    ['typ that is no text', forge({ ...HS256, typ: 1 }, CLAIMS), 'TOKEN_MALFORMED'],
    ['kid that is no text', forge({ ...HS256, kid: { a: 1 } }, CLAIMS), 'TOKEN_MALFORMED'],
  ])('%s', async (_what, token, code) => {
    expect((await refusal(hs256().verify(token))).code).toBe(code);
  });

  test.each(['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])('typ %s is fine', async (typ) => {
    expect(await hs256().verify(forge({ alg: 'HS256', typ }, CLAIMS))).toMatchObject({ userId: 'u1' });
  });

  test('RS256 swapped for HS256, signed with the public key as the secret', async () => {
    const der = keys.RS256.publicKey.export({ type: 'spki', format: 'der' });
    for (const secret of [rsaPem, rsaPem.trim(), `${rsaPem}\n`, der]) {
      const token = forge(HS256, CLAIMS, secret);
      expect((await refusal(rs256.verify(token))).code).toBe('TOKEN_ALGORITHM_NOT_ALLOWED');
      expect((await refusal(both.verify(token))).code).toBe('TOKEN_SIGNATURE_INVALID');
    }
  });

  test("an HS256 signature under RS256's name", async () => {
    const token = forge({ alg: 'RS256' }, CLAIMS);
    expect((await refusal(both.verify(token))).code).toBe('TOKEN_SIGNATURE_INVALID');
  });

  test.each(['RS256', 'ES256', 'EdDSA'] as const)(
    '%s: junk, short, long and foreign signatures',
    async (alg) => {
      const verifier = createTokenVerifier({ publicKey: pem(keys[alg].publicKey) }, { now });
      const input = `${encode({ alg })}.${encode(CLAIMS)}`;
      const good = await new SignJWT(CLAIMS).setProtectedHeader({ alg }).sign(keys[alg].privateKey);
      const signature = Buffer.from(good.split('.')[2]!, 'base64url');
      const zero = Buffer.alloc(signature.length);
      const changed = Buffer.from(signature);
      changed[changed.length - 1]! ^= 1;
      for (const bad of [
        zero,
        changed,
        signature.subarray(1),
        Buffer.concat([signature, zero]),
        Buffer.alloc(0),
      ]) {
        const error = await refusal(verifier.verify(`${input}.${bad.toString('base64url')}`));
        expect(error.code).toBe('TOKEN_SIGNATURE_INVALID');
      }
    },
  );

  test('a key that came inside the token is not used', async () => {
    const jwk = other.publicKey.export({ format: 'jwk' });
    const token = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'ES256', jwk, jku: 'http://127.0.0.1:9/', kid: '../../dev/null' })
      .sign(other.privateKey);
    const verifier = createTokenVerifier({ publicKey: pem(keys.ES256.publicKey) }, { now });
    expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_SIGNATURE_INVALID');
  });

  test('changed claims under a good signature', async () => {
    const [head, , mac] = forge(HS256, CLAIMS).split('.');
    const token = `${head}.${encode({ ...CLAIMS, sub: 'admin' })}.${mac}`;
    expect((await refusal(hs256().verify(token))).code).toBe('TOKEN_SIGNATURE_INVALID');
  });

  test('the signature is judged before the claims: nobody learns what else is wrong', async () => {
    const token = forge(HS256, { sub: 'u1', exp: 1 }, 'x'.repeat(40));
    expect((await refusal(hs256().verify(token))).code).toBe('TOKEN_SIGNATURE_INVALID');
  });

  test('algorithms can be narrowed below what the keys allow', async () => {
    const verifier = createTokenVerifier(
      { secret: SECRET, publicKey: rsaPem, algorithms: ['RS256'] },
      { now },
    );
    expect((await refusal(verifier.verify(forge(HS256, CLAIMS)))).code).toBe('TOKEN_ALGORITHM_NOT_ALLOWED');
  });

  test('without keys every token is refused', async () => {
    const error = await refusal(createTokenVerifier({}, { now }).verify(forge(HS256, CLAIMS)));
    expect(error.code).toBe('TOKEN_ALGORITHM_NOT_ALLOWED');
  });

  test('private keys are refused as public keys', () => {
    const key = keys.RS256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(() => createTokenVerifier({ publicKey: key })).toThrow(TypeError);
  });
});

describe('malformed tokens', () => {
  const good = forge(HS256, CLAIMS);
  const [head = '', body = '', mac = ''] = good.split('.');
  const invalidUtf8 = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]).toString('base64url');

  test.each<[string, string]>([
    ['one part', 'x'],
    ['two parts', `${head}.${body}`],
    ['four parts', `${good}.x`],
    ['five parts (JWE)', 'a.b.c.d.e'],
    ['many dots', '.'.repeat(8000)],
    ['junk', '%%%.%%%.%%%'],
    ['padding', `${head}.${body}.${mac}=`],
    ['other base64', `${head}.${body}.${mac.slice(0, -1)}+`],
    ['a second text of the same signature', `${good.slice(0, -1)}${nextChar(good.slice(-1))}`],
    ['white space', ` ${good}`],
    ['a line break', `${good}\n`],
    ['a header that is no JSON', `${encode('{')}.${body}.${mac}`],
    ['a header that is a list', `${encode('[]')}.${body}.${mac}`],
    ['a header that is null', `${encode('null')}.${body}.${mac}`],
    ['a header that is no UTF-8', `${invalidUtf8}.${body}.${mac}`],
    ['8193 characters', `${head}.${'A'.repeat(8191 - head.length)}.`],
    ['a megabyte', 'A'.repeat(1_000_000)],
  ])('%s', async (_what, token) => {
    const error = await refusal(hs256().verify(token));
    expect(error.code).toBe('TOKEN_MALFORMED');
    expect(error.message.length).toBeLessThan(300);
  });

  test.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['text', '"x"'],
    ['deep nesting', '['.repeat(5000)],
  ])('a signed payload that is %s', async (_what, payload) => {
    expect((await refusal(hs256().verify(forge(HS256, payload)))).code).toBe('TOKEN_MALFORMED');
  });

  test('no token', async () => {
    expect((await refusal(hs256().verify(''))).code).toBe('TOKEN_MISSING');
  });

  test('of duplicate claims the last counts, as jose has it', async () => {
    const token = forge(HS256, `{"sub":"a","sub":"b","iat":${NOW},"exp":1,"exp":${NOW + 60}}`);
    const verified = await hs256().verify(token);
    const { payload } = await jwtVerify(token, Buffer.from(SECRET), { currentDate: new Date(NOW_MS) });
    expect(verified.userId).toBe('b');
    expect(verified.userId).toBe(payload.sub);
    expect(verified.expiresAtMs).toBe(payload.exp! * 1000);
  });

  test('__proto__ in claims reaches nothing', async () => {
    const token = forge(HS256, `{"sub":"a","iat":${NOW},"__proto__":{"role":"admin"},"constructor":1}`);
    const verified = await hs256().verify(token);
    expect(verified.role).toBeUndefined();
    expect(Object.getPrototypeOf(verified.sessionClaims)).toBeNull();
    expect(Object.keys(verified.sessionClaims)).toEqual(['constructor']);
    expect(({} as Record<string, unknown>).role).toBeUndefined();
  });

  test('errors never hold the token, its payload or the secret', async () => {
    const marker = 'Zm9vYmFyYmF6';
    const tokens = [
      marker,
      `${marker}.${marker}.${marker}`,
      forge({ alg: 'x' }, { marker }),
      `${good}${marker}`,
    ];
    for (const token of tokens) {
      const error = await refusal(hs256().verify(token));
      expect(`${error.message}${error.stack}${String(error.cause)}`).not.toContain(marker);
      expect(error.message).not.toContain(SECRET);
    }
  });
});

/** The base64url character after this one: the same bytes, since a 32-byte signature leaves two bits over. */
function nextChar(char: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet.charAt(alphabet.indexOf(char) + 1);
}

describe('times', () => {
  const verify = (claims: object, options?: TokenVerifierOptions) =>
    hs256(options).verify(forge(HS256, { sub: 'u1', iat: NOW - 3600, ...claims }));

  test('expired 59 s ago is within the leeway, 61 s is not', async () => {
    expect(await verify({ exp: NOW - 59 })).toMatchObject({ expiresAtMs: NOW_MS - 59_000 });
    const error = await refusal(verify({ exp: NOW - 61 }));
    expect(error.code).toBe('TOKEN_EXPIRED');
    expect(error.message).toBe('The token expired 61 s ago (leeway 60 s).');
    expect(error.retryable).toBe(false);
    expect((await refusal(verify({ exp: NOW - 60 }))).code).toBe('TOKEN_EXPIRED');
    expect((await refusal(verify({ exp: NOW }, { leewayMs: 0 }))).code).toBe('TOKEN_EXPIRED');
  });

  test('nbf 60 s ahead is within the leeway, 61 s is not, and the difference is told', async () => {
    expect(await verify({ nbf: NOW + 60 })).toMatchObject({ userId: 'u1' });
    const error = await refusal(verify({ nbf: NOW + 61 }));
    expect(error.code).toBe('TOKEN_NOT_YET_VALID');
    expect(error.message).toContain('becomes valid 61 s after the present time');
    expect(error).toMatchObject({ retryable: true, retryAfterMs: 1000 });
  });

  test('issued ahead of our clock: the skew is measured', async () => {
    const error = await refusal(verify({ iat: NOW + 300 }));
    expect(error.code).toBe('TOKEN_NOT_YET_VALID');
    expect(error.message).toContain('was issued 300 s after the present time of this server (leeway 60 s)');
  });

  test('older than 24 h, whatever exp says', async () => {
    const claims = { iat: NOW - 86_400 - 61, exp: NOW + 1e6 };
    expect((await refusal(verify(claims))).message).toBe(
      'The token was issued 86461 s ago; at most 86400 s are allowed.',
    );
    expect((await refusal(verify(claims))).code).toBe('TOKEN_TOO_OLD');
    expect(await verify({ iat: NOW - 86_400, exp: NOW + 1e6 })).toMatchObject({ expiresAtMs: NOW_MS });
  });

  test('the end is exp, or iat + 24 h when that is earlier', async () => {
    expect((await verify({ iat: NOW, exp: NOW + 1e6 })).expiresAtMs).toBe(NOW_MS + 86_400_000);
    expect((await verify({ iat: NOW })).expiresAtMs).toBe(NOW_MS + 86_400_000);
    expect((await verify({ iat: NOW, exp: NOW + 10 })).expiresAtMs).toBe(NOW_MS + 10_000);
  });

  test('iat is needed, unless the age is not checked; then exp is', async () => {
    const error = await refusal(verify({ iat: undefined, exp: NOW + 60 }));
    expect(error.code).toBe('TOKEN_CLAIM_MISSING');
    expect(error.message).toContain('iat');
    const unchecked = { maxTokenAgeMs: 0 };
    expect(await verify({ iat: undefined, exp: NOW + 60 }, unchecked)).toMatchObject({
      issuedAtMs: undefined,
    });
    expect((await refusal(verify({}, unchecked))).message).toContain('no claim exp');
  });

  test.each([
    ['exp', '"1800000000"', 'as a number'],
    ['exp', 'null', 'as a number'],
    ['exp', '-1', 'as a number'],
    ['exp', '1e400', 'as a number'],
    ['exp', String(NOW_MS), 'looks like milliseconds'],
    ['nbf', 'true', 'as a number'],
    ['iat', '{}', 'as a number'],
    ['iat', String(NOW_MS), 'looks like milliseconds'],
  ])('%s: %s is refused', async (claim, value, part) => {
    const error = await refusal(hs256().verify(forge(HS256, `{"sub":"u","iat":${NOW},"${claim}":${value}}`)));
    expect(error.code).toBe('TOKEN_CLAIM_INVALID');
    expect(error.message).toContain(part);
  });
});

describe('issuer and audience', () => {
  const options = { issuers: ['https://id/'], audiences: ['carillon', 'chat'] };
  const verify = (claims: object) => hs256(options).verify(forge(HS256, { ...CLAIMS, ...claims }));

  test.each([[{ iss: 'https://id/', aud: 'carillon' }], [{ iss: 'https://id/', aud: ['x', 'chat'] }]])(
    '%j is accepted',
    async (claims) => {
      expect(await verify(claims)).toMatchObject({ userId: 'u1' });
    },
  );

  test.each<[object, ErrorCode, string]>([
    [{ aud: 'chat' }, 'TOKEN_CLAIM_MISSING', 'expected https://id/'],
    [{ iss: 'https://evil/', aud: 'chat' }, 'TOKEN_ISSUER_MISMATCH', '"https://evil/"; expected https://id/'],
    [{ iss: 'https://id', aud: 'chat' }, 'TOKEN_ISSUER_MISMATCH', '"https://id"'],
    [{ iss: ['https://id/'], aud: 'chat' }, 'TOKEN_ISSUER_MISMATCH', '["https://id/"]'],
    [{ iss: 'https://id/' }, 'TOKEN_CLAIM_MISSING', 'expected carillon or chat'],
    [{ iss: 'https://id/', aud: 'mail' }, 'TOKEN_AUDIENCE_MISMATCH', '"mail"; expected carillon or chat'],
    [{ iss: 'https://id/', aud: [] }, 'TOKEN_AUDIENCE_MISMATCH', '[]'],
    [{ iss: 'https://id/', aud: [['chat']] }, 'TOKEN_AUDIENCE_MISMATCH', '[["chat"]]'],
  ])('%j is refused', async (claims, code, part) => {
    const error = await refusal(verify(claims));
    expect(error.code).toBe(code);
    expect(error.message).toContain(part);
  });
});

describe('user, app, role, name', () => {
  const verify = (claims: object, options?: TokenVerifierOptions) =>
    hs256(options).verify(forge(HS256, { iat: NOW, ...claims }));

  test.each([
    [{ sub: 'a', userId: 'b' }, 'a'],
    [{ userId: 'b', user_id: 'c' }, 'b'],
    [{ user_id: 42 }, '42'],
    [{ sub: null, userId: 'b' }, 'b'],
  ])('%j is the user %s', async (claims, userId) => {
    expect((await verify(claims)).userId).toBe(userId);
  });

  test('a claim of its own replaces sub and its fallbacks', async () => {
    const options = { userClaims: ['https://example.com/uid'] };
    expect((await verify({ sub: 'a', 'https://example.com/uid': 'b' }, options)).userId).toBe('b');
    const error = await refusal(verify({ sub: 'a' }, options));
    expect(error.code).toBe('TOKEN_CLAIM_MISSING');
    expect(error.message).toContain('https://example.com/uid');
  });

  test.each<[object, ErrorCode]>([
    [{}, 'TOKEN_CLAIM_MISSING'],
    [{ sub: '' }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 'a'.repeat(129) }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 'a\nb' }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 1.5 }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: { $ne: null } }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: ['a'] }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 'a', app: 'b/c' }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 'a', app: '' }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 'a', app: 1 }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 'a', capabilities: 'all' }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 'a', capabilities: null }, 'TOKEN_CLAIM_INVALID'],
    [{ sub: 'a', caps: [] }, 'TOKEN_CLAIM_INVALID'],
  ])('%j is refused', async (claims, code) => {
    expect((await refusal(verify(claims))).code).toBe(code);
  });

  test.each(['\\ud800', 'a\\udc00', '\\udc00\\ud800'])(
    'half of a surrogate pair in the user id is refused: %s',
    async (sub) => {
      const token = forge(HS256, `{"sub":"${sub}","iat":${NOW}}`);
      expect((await refusal(hs256().verify(token))).code).toBe('TOKEN_CLAIM_INVALID');
    },
  );

  test('a list of roles is taken in its order; what is none is ignored, and that is told', async () => {
    const ignored: string[] = [];
    const verifier = createTokenVerifier(
      { secret: SECRET, roleClaim: 'roles' },
      { now, onIgnoredClaim: (claim, allowed) => ignored.push(`${claim}: ${allowed}`) },
    );
    const roleOf = async (given: unknown) => {
      const { role, roles } = await verifier.verify(forge(HS256, { ...CLAIMS, roles: given }));
      return [role, roles];
    };
    expect(await roleOf('admin')).toEqual(['admin', ['admin']]);
    expect(await roleOf(['admin'])).toEqual(['admin', ['admin']]);
    expect(await roleOf(['admin', 'user', 'admin'])).toEqual(['admin', ['admin', 'user']]);
    for (const none of [undefined, null, '', []]) expect(await roleOf(none)).toEqual([undefined, []]);
    expect(ignored).toEqual([]);
    const wrong = [7, ['admin', 7], ['admin', ''], Array(33).fill('admin')];
    for (const given of wrong) expect(await roleOf(given)).toEqual([undefined, []]);
    expect(ignored).toEqual(
      wrong.map(() => expect.stringMatching(/^roles: a text of 1 to 256.*32 of them$/)),
    );
  });

  test('role and name from claims of choice; what is no short text is left out', async () => {
    const claims = { sub: 'a', role: { x: 'y' }, name: 7, 'x-role': 'admin', nick: 'Ada' };
    expect(await verify(claims)).toMatchObject({ role: undefined, name: undefined, app: 'default' });
    expect(await verify(claims, { roleClaim: 'x-role', nameClaim: 'nick' })).toMatchObject({
      role: 'admin',
      name: 'Ada',
    });
  });
});

describe('[S3] capabilities of a token', () => {
  const verify = (claims: object, options?: TokenVerifierOptions) =>
    hs256(options).verify(forge(HS256, { ...CLAIMS, ...claims }));

  test('without the claim nothing is allowed', async () => {
    expect(allows((await verify({})).capabilities, 'subscribe', 'news')).toBe(false);
  });

  test('unless the app has default capabilities, which never add to those of a token', async () => {
    const options: TokenVerifierOptions = { defaultCapabilities: { news: ['subscribe'] } };
    expect(allows((await verify({}, options)).capabilities, 'subscribe', 'news')).toBe(true);
    const { capabilities } = await verify({ capabilities: { chat: ['publish'] } }, options);
    expect(allows(capabilities, 'subscribe', 'news')).toBe(false);
    expect(allows((await verify({ capabilities: {} }, options)).capabilities, 'subscribe', 'news')).toBe(
      false,
    );
  });

  test('caps is the short name; capabilities goes before it', async () => {
    const short = await verify({ caps: { a: ['subscribe'] } });
    expect(allows(short.capabilities, 'subscribe', 'a')).toBe(true);
    const long = await verify({ caps: { a: ['subscribe'] }, capabilities: { b: ['subscribe'] } });
    expect(allows(long.capabilities, 'subscribe', 'a')).toBe(false);
  });
});

describe('remembered results', () => {
  test('never serve a token beyond its end', async () => {
    let nowMs = NOW_MS;
    const verifier = createTokenVerifier({ publicKey: pem(keys.ES256.publicKey) }, { now: () => nowMs });
    const token = await new SignJWT({ sub: 'u1', iat: NOW, exp: NOW + 10 })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(keys.ES256.privateKey);
    const first = await verifier.verify(token);
    expect(await verifier.verify(token)).toBe(first);
    nowMs += 69_999;
    expect(await verifier.verify(token)).toBe(first);
    nowMs += 1;
    expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_EXPIRED');
  });

  test('say nothing of keys that came while a signature was checked', async () => {
    const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid });
    let served: readonly object[] = [jwk(keys.ES256.publicKey, 'old')];
    let nowMs = NOW_MS;
    const verifier = createTokenVerifier(
      { jwksUrl: 'https://id.example/jwks' },
      { now: () => nowMs, fetch: async () => new Response(JSON.stringify({ keys: served })) },
    );
    const sign = (kid: string, key: KeyObject) =>
      new SignJWT(CLAIMS).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
    const [old, next] = [await sign('old', keys.ES256.privateKey), await sign('next', other.privateKey)];
    await verifier.preload();
    nowMs += 60_000;
    served = [jwk(other.publicKey, 'next')];
    // The old key is taken out while the signature of the first token is checked.
    await Promise.all([verifier.verify(old), verifier.verify(next)]);
    expect((await refusal(verifier.verify(old))).code).toBe('TOKEN_SIGNATURE_INVALID');
  });

  test('are bounded, and refusals are not remembered', async () => {
    const verifier = createTokenVerifier(
      { publicKey: pem(keys.ES256.publicKey), maxRememberedTokens: 2 },
      { now },
    );
    const sign = (sub: string, key = keys.ES256.privateKey) =>
      new SignJWT({ ...CLAIMS, sub }).setProtectedHeader({ alg: 'ES256' }).sign(key);
    const tokens = [await sign('a'), await sign('b'), await sign('c')];
    const first = await verifier.verify(tokens[0]!);
    for (const token of tokens.slice(1)) await verifier.verify(token);
    expect(await verifier.verify(tokens[0]!)).not.toBe(first);
    const foreign = await sign('a', other.privateKey);
    for (let i = 0; i < 2; i++) {
      expect((await refusal(verifier.verify(foreign))).code).toBe('TOKEN_SIGNATURE_INVALID');
    }
  });
});
