import { expect, it } from 'vitest';
import { OwnerlessPartitions } from './ownerless-partitions.ts';

it('a partition without an owner is a problem when it lasts longer than a handover', () => {
  const ownerless = new OwnerlessPartitions(5000);
  ownerless.update(['a', undefined, undefined], 0);
  expect(ownerless.count).toBe(2);
  expect(ownerless.problem(4000)).toBeUndefined();
  ownerless.update(['a', 'b', undefined], 4000);
  expect(ownerless.problem(6000)).toContain('no router holds partition 2 (for 6000 ms)');
  ownerless.update(['a', 'b', 'c'], 6000);
  ownerless.update(['a', 'b', undefined], 7000);
  expect(ownerless.problem(8000)).toBeUndefined();
});
