import { expect, it } from 'vitest';
import { narrowAt } from './narrow-channels.ts';

it.each([
  [8, 6],
  [4, 3],
  [3, 3],
  [1, 1],
  [0, 0],
])('a channel that W = %i made wide goes back at %i', (w, expected) => {
  expect(narrowAt(w)).toBe(expected);
});
