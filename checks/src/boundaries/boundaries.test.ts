import { expect, test } from 'vitest';
import { runCanary } from './canary.ts';

test('every rule fires on a workspace that breaks it, and only there', async () => {
  await expect(runCanary()).resolves.toEqual({ silent: [], unfounded: [], untested: [] });
});
