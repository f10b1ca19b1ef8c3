import { expect, it } from 'vitest';
import { ratio, us } from './units.ts';

it('says none where a peer did not get through the work', () => {
  // In a results file it is null.
  const { nothing } = JSON.parse(JSON.stringify({ nothing: Number.POSITIVE_INFINITY })) as {
    nothing: number;
  };
  for (const value of [nothing, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(us(value)).toBe('none');
    expect(ratio(value, 2)).toBe('none');
    expect(ratio(2, value)).toBe('none');
  }
  expect([us(0), us(9.876), us(12.4), us(1234), us(123_456), us(2_500_000)]).toEqual([
    '0.00 µs',
    '9.88 µs',
    '12 µs',
    '1.23 ms',
    '123 ms',
    '2.50 s',
  ]);
  expect(ratio(3, 2)).toBe('1.50');
});
