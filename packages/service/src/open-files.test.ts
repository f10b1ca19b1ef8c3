import { expect, it } from 'vitest';
import { openFilesLimit } from './open-files.ts';

it('reads the soft limit', () => {
  const limits = (soft: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             63704                63704                processes
Max open files            ${soft}                 1048576              files
`;
  expect(openFilesLimit(() => limits('256'))).toBe(256);
  expect(openFilesLimit(() => limits('unlimited'))).toBeUndefined();
  expect(
    openFilesLimit(() => {
      throw new Error('no such file');
    }),
  ).toBeUndefined();
});
