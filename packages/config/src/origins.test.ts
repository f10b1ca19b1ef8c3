import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createOriginMatcher, originEntry } from './origins.ts';

const matcher = createOriginMatcher([
  'https://app.example.com',
  'https://*.example.org',
  'https://*.dev.example.net:8443',
  'http://localhost:5173',
  'capacitor://localhost',
]);

test.each([
  'https://app.example.com',
  'https://app.example.com:443',
  'HTTPS://APP.example.com',
  'https://a.example.org',
  'https://a.b.example.org',
  'https://x.dev.example.net:8443',
  'http://localhost:5173',
  'capacitor://localhost',
])('%s is allowed', (origin) => {
  expect(matcher.allows(origin)).toBe(true);
});

test.each([
  ['another scheme', 'http://app.example.com'],
  ['another port', 'https://app.example.com:8443'],
  ['a subdomain of an exact entry', 'https://x.app.example.com'],
  ['a suffix', 'https://app.example.com.evil.net'],
  ['a prefix', 'https://evilapp.example.com'],
  ['the wildcard domain itself', 'https://example.org'],
  ['the domain as a suffix of a word', 'https://evilexample.org'],
  ['an empty label', 'https://.example.org'],
  ['two dots', 'https://a..example.org'],
  ['a wildcard with another port', 'https://a.example.org:8443'],
  ['a wildcard without its port', 'https://x.dev.example.net'],
  ['a path', 'https://evil.net/.example.org'],
  ['a query', 'https://evil.net?.example.org'],
  ['a fragment', 'https://evil.net#.example.org'],
  ['user info', 'https://app.example.com@evil.net'],
  ['user info before a wildcard', 'https://evil.net@a.example.org'],
  ['a backslash', 'https://evil.net\\.example.org'],
  ['a port before the suffix', 'https://evil.net:1.example.org'],
  ['a line break', 'https://a.example.org\nhttps://evil.net'],
  ['white space', ' https://app.example.com'],
  ['a star sent by the client', 'https://*.example.org'],
  ['null', 'null'],
  ['nothing', ''],
  ['a long name', `https://${'a.'.repeat(10_000)}example.org`],
])('%s is refused', (_what, origin) => {
  expect(matcher.allows(origin)).toBe(false);
});

describe("the service's own host", () => {
  const own = createOriginMatcher([]);

  test.each([
    ['http://127.0.0.1:8080', '127.0.0.1:8080'],
    ['https://chat.example.com', 'chat.example.com'],
    ['https://chat.example.com', 'Chat.Example.com:443'],
    ['http://[::1]:8080', '[::1]:8080'],
  ])('%s may use %s', (origin, host) => {
    expect(own.allows(origin, host)).toBe(true);
  });

  test.each([
    ['http://127.0.0.1:5173', '127.0.0.1:8080'],
    ['https://evil.net', 'chat.example.com'],
    ['https://chat.example.com:8443', 'chat.example.com'],
    ['null', 'null'],
    ['', ''],
  ])('%s may not use %s', (origin, host) => {
    expect(own.allows(origin, host)).toBe(false);
  });

  test('an empty list allows nothing else', () => {
    expect(own.allows('https://chat.example.com')).toBe(false);
  });
});

test('* allows every origin', () => {
  const all = createOriginMatcher(['*']);
  expect(all.allows('https://anything.example')).toBe(true);
  expect(all.allows('null')).toBe(true);
});

test.each([
  ['https://App.Example.com/', 'https://app.example.com'],
  ['https://app.example.com:443', 'https://app.example.com'],
  ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ['https://*.bücher.example', 'https://*.xn--bcher-kva.example'],
])('the entry %s becomes %s', (entry, expected) => {
  expect(originEntry.parse(entry)).toEqual({ value: expected });
});

test.each([
  'app.example.com',
  'https://',
  'https://a.b/c',
  'https://a.b?c',
  'https://*',
  'https://*.*.example.com',
  'https://a.*.example.com',
  'https://*example.com',
  '*.example.com',
  'ftp:/x',
  'null',
  'https://a.b:99999',
  'https://u@a.b',
  'https://a b',
])('the entry %s is refused', (entry) => {
  expect(originEntry.parse(entry)).toHaveProperty('fault');
  expect(() => createOriginMatcher([entry])).toThrow(TypeError);
});

/** Says the same by other means: the URL parser, and labels counted one by one. */
function expectedWildcard(origin: string, domain: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.origin !== origin || url.protocol !== 'https:' || url.port !== '') return false;
  const labels = url.hostname.split('.');
  const wanted = domain.split('.');
  const rest = labels.slice(0, -wanted.length);
  return (
    rest.length > 0 &&
    rest.every((label) => label !== '') &&
    labels.slice(-wanted.length).join('.') === domain
  );
}

test('property: a wildcard allows exactly the subdomains, whatever the origin is made of', () => {
  const allowed = createOriginMatcher(['https://*.example.org']);
  const piece = fc.constantFrom(
    ...[
      'https://',
      'http://',
      'example',
      '.org',
      '.example.org',
      'a',
      'evil',
      '.',
      '/',
      '@',
      ':',
      ':443',
      '#',
      '?',
    ],
    ...['\\', '*', '%2e', '-', '[', ']', '::1', ' ', '\t', 'é', '\u0000', 'org.'],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.boolean(), fc.boolean(), (pieces, scheme, suffix) => {
      const origin = `${scheme ? 'https://' : ''}${pieces.join('')}${suffix ? '.example.org' : ''}`;
      const verdict = allowed.allows(origin);
      // The matcher may be stricter (labels that start with "-"), never looser, and it has to take plain names.
      if (verdict) {
        expect(expectedWildcard(origin.replace(/:443$/, ''), 'example.org'), origin).toBe(true);
      } else if (/^https:\/\/[a-z.]+$/.test(origin)) {
        expect(expectedWildcard(origin, 'example.org'), origin).toBe(false);
      }
    }),
    { numRuns: 5000 },
  );
});

test('property: arbitrary text is refused and never throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (origin) => {
      expect(matcher.allows(origin, origin)).toBe(false);
    }),
  );
});
