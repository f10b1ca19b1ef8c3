import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scrub } from './scrub.ts';

const SECRET = 'S3cr-t_value1234';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';

describe('scrub', () => {
  it.each([
    `token ${JWT}`,
    `cut off ${JWT.slice(0, 30)}`,
    `GET /v1/ws?a=1&token=${SECRET}&b=2`,
    `GET /v1/ws?access_token=${SECRET}`,
    `url=%2F&refresh_token=${SECRET}#x`,
    `ticket=${SECRET}`,
    `Authorization: Bearer ${SECRET}`,
    `authorization=Basic ${SECRET}`,
    JSON.stringify({ authorization: `Bearer ${SECRET}` }),
    JSON.stringify({ err: JSON.stringify({ headers: { Authorization: `Bearer ${SECRET}` } }) }),
    JSON.stringify({ rawHeaders: ['Authorization', `Bearer ${SECRET}`] }),
    JSON.stringify({ 'set-cookie': [`sid=${SECRET}; HttpOnly`] }),
    JSON.stringify({ cookie: `a=1; sid=${SECRET}` }),
    JSON.stringify({ 'sec-websocket-protocol': `carillon, ${SECRET}` }),
    JSON.stringify({ jwtSecret: SECRET, user: { password: SECRET }, apiKey: SECRET }),
    `redis://:${SECRET}@cache:6379/0`,
    `redis://user:${SECRET}@cache:6379,redis://user:${SECRET}@cache2:6379`,
    `postgres://u:${SECRET}@p@${SECRET}@db/carillon`,
    `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`,
    JSON.stringify({ key: `-----BEGIN EC PRIVATE KEY-----\n${SECRET}\n` }),
  ])('takes the secret out of %s', (text) => {
    const clean = scrub(text);
    expect(clean).not.toContain(SECRET);
    expect(clean).not.toContain(JWT.slice(4, 20));
    expect(scrub(clean), 'scrubbing twice changes nothing').toBe(clean);
  });

  it.each([
    'http://127.0.0.1:8080/v1/ws?channel=chat:1',
    'http://host:8080/contact?mail=a@b.example',
    'redis://cache:6379 is not there',
    JSON.stringify({ connections: 5, tokens: 3, cookie: null, password: false, next: { a: 1 } }),
    'the token expired 5 s ago',
  ])('leaves %s alone', (text) => {
    expect(scrub(text)).toBe(text);
  });

  it('keeps a JSON line JSON, whatever is in it', () => {
    const key = fc.oneof(fc.constantFrom('token', 'authorization', 'cookie', 'password', 'url'), fc.string());
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom(JWT, `redis://u:${SECRET}@h`, `-----BEGIN PRIVATE KEY-----\n"\\`, 'token=a"b', '\\"'),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        text,
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(key, tie('any'), { maxKeys: 4 }),
        tie('any').map((inner) => JSON.stringify(inner)),
      ),
    })).any;
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 5 }), (fields) => {
        expect(() => JSON.parse(scrub(JSON.stringify(fields)))).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});
