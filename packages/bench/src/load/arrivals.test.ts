import { expect, it } from 'vitest';
import { Arrivals } from './arrivals.ts';

function take(...numbers: number[]) {
  const counts = { arrived: 0, duplicated: 0, reordered: 0 };
  const arrivals = new Arrivals(counts);
  for (const n of numbers) arrivals.take(n);
  return { arrivals, counts };
}

it('counts what comes once and in order', () => {
  const { arrivals, counts } = take(1, 2, 3);
  expect(counts).toEqual({ arrived: 3, duplicated: 0, reordered: 0 });
  expect(arrivals.lostOf(3)).toBe(0);
});

it('counts what is missing in front, between and at the end', () => {
  expect(take(2, 4).arrivals.lostOf(6)).toBe(4); // 1, 3, 5, 6
  expect(take().arrivals.lostOf(2)).toBe(2);
});

it('takes a late message for out of order, not for lost', () => {
  const { arrivals, counts } = take(1, 3, 2);
  expect(counts).toEqual({ arrived: 3, duplicated: 0, reordered: 1 });
  expect(arrivals.lostOf(3)).toBe(0);
});

it('takes what came already for a double, wherever it comes', () => {
  expect(take(1, 2, 3, 3, 1).counts).toEqual({ arrived: 3, duplicated: 2, reordered: 0 });
  expect(take(1, 3, 2, 2).counts).toEqual({ arrived: 3, duplicated: 1, reordered: 1 });
});
