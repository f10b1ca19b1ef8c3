import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, durationMs, formatBytes, formatDurationMs, parseBytes, parseDurationMs } from './units.ts';

test.each([
  ['250', 250],
  ['250ms', 250],
  ['25s', 25_000],
  ['5m', 300_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['7 d', 604_800_000],
])('%s is %i ms', (text, expected) => {
  expect(parseDurationMs(text)).toBe(expected);
});

test.each(['', 's', '-1', '1.5s', '1w', '1S', '1M', '0x10', '1e3', '1s2', '999999999999999d', '5 0s'])(
  '%s is no duration',
  (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  },
);

test.each([
  ['65536', 65_536],
  ['64KiB', 65_536],
  ['1MiB', 1_048_576],
  ['10B', 10],
])('%s is %i bytes', (text, expected) => {
  expect(parseBytes(text)).toBe(expected);
});

test.each(['64kb', '64KB', '1MB', '1.5MiB', 'MiB'])('%s is no size', (text) => {
  expect(parseBytes(text)).toBeUndefined();
});

test('what is formatted reads back as the same number', () => {
  fc.assert(
    fc.property(fc.nat({ max: 1e12 }), (value) => {
      expect(parseDurationMs(formatDurationMs(value))).toBe(value);
      expect(parseBytes(formatBytes(value))).toBe(value);
    }),
  );
});

test('values out of range are refused with the bound', () => {
  expect(durationMs(1000, 60_000).parse('500')).toEqual({ fault: 'it is below 1s' });
  expect(durationMs(1000, 60_000).parse('2m')).toEqual({ fault: 'it is above 1m' });
  expect(durationMs(1000, 60_000).parse('1m')).toEqual({ value: 60_000 });
  expect(bytes(1, 1024).parse('2KiB')).toEqual({ fault: 'it is above 1KiB' });
});
