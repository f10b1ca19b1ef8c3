import { expect, it } from 'vitest';
import { partitionTag, slotOf } from './slots.ts';

it('knows the slots of keys, as Redis does', () => {
  // Answers of CLUSTER KEYSLOT.
  expect(slotOf('123456789')).toBe(12_739);
  expect(slotOf('foo')).toBe(12_182);
  expect(slotOf('a{foo}b{bar}')).toBe(12_182);
  expect(slotOf('{}foo')).toBe(slotOf('{}foo'));
  expect(slotOf('{}foo')).not.toBe(slotOf('foo'));
});

it.each([1, 2, 3, 7, 16, 1024])('spreads %i partitions evenly over the slots', (partitions) => {
  for (let partition = 0; partition < partitions; partition++) {
    const slot = slotOf(`carillon:{${partitionTag(partition, partitions)}}:log`);
    expect(Math.floor((slot * partitions) / 16_384)).toBe(partition);
  }
  expect(partitionTag(0, partitions)).toBe(partitionTag(0, 1));
});
