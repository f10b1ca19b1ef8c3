import { expect, it } from 'vitest';
import { SequenceCheck } from './sequence-check.ts';

function taken(...numbers: number[]): SequenceCheck {
  const check = new SequenceCheck();
  for (const n of numbers) check.take(n);
  return check;
}

it('finds nothing wrong with what is complete and in order', () => {
  expect(taken(1, 2, 3)).toMatchObject({ received: 3, duplicated: 0, reordered: 0 });
  expect(taken(1, 2, 3).lostOf(3)).toBe(0);
});

it('finds what is missing in front, between and at the end', () => {
  expect(taken(2, 4).lostOf(6)).toBe(4);
});

it('tells late from doubled', () => {
  expect(taken(1, 3, 2, 3)).toMatchObject({ received: 3, duplicated: 1, reordered: 1 });
  expect(taken(1, 3, 2).lostOf(3)).toBe(0);
});
