import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mintToken } from './mint-token.ts';

const secret = 'a-secret-of-more-than-32-characters-0001';
const part = (token: string, index: number) => JSON.parse(atob(token.split('.')[index]!));

describe('mintToken', () => {
  it('signs user, capabilities and times with HS256', async () => {
    const before = Math.floor(Date.now() / 1000);
    const token = await mintToken({
      secret,
      userId: 'ada',
      capabilities: { 'chat:*': ['subscribe'] },
      expiresInMs: 60_000,
      audience: ['a', 'b'],
      claims: { role: 'member', sub: 'eve' },
    });
    expect(part(token, 0)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const claims = part(token, 1);
    expect(claims).toMatchObject({
      sub: 'ada',
      capabilities: { 'chat:*': ['subscribe'] },
      role: 'member',
      aud: ['a', 'b'],
    });
    expect(claims.exp - claims.iat).toBe(60);
    expect(claims.iat).toBeGreaterThanOrEqual(before);
    const [header, body, signature] = token.split('.');
    expect(createHmac('sha256', secret).update(`${header}.${body}`).digest('base64url')).toBe(signature);
  });

  it('refuses a short secret, saying how long it must be', async () => {
    await expect(mintToken({ secret: 'short', userId: 'ada' })).rejects.toThrow(
      /5 bytes; HS256 needs at least 32/,
    );
  });
});
