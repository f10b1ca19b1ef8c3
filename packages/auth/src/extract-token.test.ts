import { expect, test } from 'vitest';
import {
  extractToken,
  redactUrl,
  tokenFromAuthorization,
  tokenFromQuery,
  tokenFromSubprotocols,
} from './extract-token.ts';

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl';

test.each([
  ['Bearer x', 'x'],
  ['bearer x', 'x'],
  ['BEARER   x ', 'x'],
  ['Basic x', undefined],
  [JWT, JWT],
  ['eyJ.a', undefined],
  ['Bearer', undefined],
  ['Bearer ', undefined],
  ['Bearer a b', undefined],
  ['xBearer a', undefined],
  ['', undefined],
  [undefined, undefined],
])('Authorization: %s', (header, token) => {
  expect(tokenFromAuthorization(header)).toBe(token);
});

test.each([
  [`carillon.v1.json, carillon.token.${JWT}`, JWT],
  [`carillon.token.${JWT},carillon.v1.json`, JWT],
  ['carillon.v1.json', undefined],
  ['carillon.token.', undefined],
  ['', undefined],
  [undefined, undefined],
])('Sec-WebSocket-Protocol: %s', (header, token) => {
  expect(tokenFromSubprotocols(header)).toBe(token);
});

test.each([
  ['/v1/ws?token=x', 'x'],
  ['/v1/ws?a=b&access_token=x', 'x'],
  ['/v1/ws?%74oken=x', 'x'],
  ['/v1/ws?token=', undefined],
  ['/v1/ws?token=&access_token=y', 'y'],
  ['/v1/ws?mytoken=x', undefined],
  ['/v1/ws', undefined],
  ['/v1/token=x', undefined],
  [undefined, undefined],
])('%s', (url, token) => {
  expect(tokenFromQuery(url)).toBe(token);
});

test('[S2] header before subprotocol before query', () => {
  const carriers = {
    authorization: 'Bearer h',
    subprotocols: 'carillon.token.s',
    url: '/v1/ws?token=q',
  };
  expect(extractToken(carriers)).toEqual({ token: 'h', source: 'header' });
  expect(extractToken({ ...carriers, authorization: 'Basic h' })).toEqual({
    token: 's',
    source: 'subprotocol',
  });
  expect(extractToken({ url: carriers.url })).toEqual({ token: 'q', source: 'query' });
  expect(extractToken({ url: '/v1/ws' })).toBeUndefined();
});

test.each([
  ['/v1/ws?token=abc&x=1', '/v1/ws?token=[redacted]&x=1'],
  ['/v1/ws?x=1&access_token=abc', '/v1/ws?x=1&access_token=[redacted]'],
  ['/v1/ws?%74oken=abc', '/v1/ws?%74oken=[redacted]'],
  ['/v1/ws?token=a&token=b', '/v1/ws?token=[redacted]&token=[redacted]'],
  [`/v1/ws?jwt=${JWT}`, '/v1/ws?jwt=[redacted]'],
  [`/v1/${JWT}/x`, '/v1/[redacted]/x'],
  ['/v1/ws?a=b', '/v1/ws?a=b'],
  ['/v1/ws', '/v1/ws'],
])('[S2] %s is logged as %s', (url, logged) => {
  expect(redactUrl(url)).toBe(logged);
});

test('whatever tokenFromQuery finds, redactUrl hides', () => {
  for (const name of ['token', 'access_token', 'tok%65n', 'access%5Ftoken']) {
    const url = `/v1/ws?a=1&${name}=s3cret`;
    expect(tokenFromQuery(url)).toBe('s3cret');
    expect(redactUrl(url)).not.toContain('s3cret');
  }
});
