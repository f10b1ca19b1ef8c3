import { expect, it } from 'vitest';
import { gradeOf } from './grade.ts';

it.each([
  [9.9, 1001, 'excellent'],
  [10, 1001, 'good'],
  [9.9, 1000, 'good'],
  [49.9, 501, 'good'],
  [50, 5000, 'fair'],
  [99, 101, 'fair'],
  [100, 5000, 'poor'],
  [1, 100, 'poor'],
] as const)('an average of %d ms at %d deliveries a second is %s', (avgMs, perSecond, grade) => {
  expect(gradeOf(avgMs, perSecond)).toBe(grade);
});
