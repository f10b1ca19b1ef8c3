import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBase64url } from './base64url.ts';

test('what Node encodes is decoded', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const buffer = Buffer.from(bytes);
      expect(decodeBase64url(buffer.toString('base64url'))).toEqual(buffer);
    }),
  );
});

test('only one text stands for given bytes', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (text) => {
      const decoded = decodeBase64url(text);
      if (decoded !== undefined) expect(decoded.toString('base64url')).toBe(text);
    }),
  );
});

test.each(['=', 'YQ==', 'a', 'YR', 'YWJ', 'a+b/', 'YQ YQ', 'YQ\n', 'ä', 'YQ.YQ'])('%j is refused', (text) => {
  expect(decodeBase64url(text)).toBeUndefined();
});
