import { expect, test } from 'vitest';
import { structureViolations } from './rules.ts';

const rulesBroken = (path: string, lines = 10, clockReads: readonly string[] = []) =>
  structureViolations([{ path, lines, clockReads }]).map(({ rule }) => rule);

test('a source may have 300 lines, a test 600', () => {
  expect(rulesBroken('packages/a/src/b.ts', 300)).toEqual([]);
  expect(rulesBroken('packages/a/src/b.ts', 301)).toEqual(['file-size']);
  expect(rulesBroken('packages/a/src/redis/c.lua', 301)).toEqual(['file-size']);
  expect(rulesBroken('packages/a/src/b.test.ts', 600)).toEqual([]);
  expect(rulesBroken('packages/a/src/b.test.ts', 601)).toEqual(['file-size']);
});

test.each([
  'packages/a/src/utils/b.ts',
  'packages/a/src/b/helpers.ts',
  'packages/common/src/b.ts',
  'apps/a/src/util.test.ts',
])('%s says nothing with its name', (path) => {
  expect(rulesBroken(path)).toEqual(['telling-names']);
});

test('a name that only contains such a word is fine', () => {
  expect(rulesBroken('packages/a/src/shared-lease.ts')).toEqual([]);
});

test('index is the entry of a package, not of a folder', () => {
  expect(rulesBroken('packages/a/src/index.ts')).toEqual([]);
  expect(rulesBroken('apps/console/index.html')).toEqual([]);
  expect(rulesBroken('packages/a/src/redis/index.ts')).toEqual(['index-is-entry']);
});

test('gateway, router and persistence read no clock of their machine, but where it is meant', () => {
  const read = ['Date.now'];
  expect(rulesBroken('apps/gateway/src/ingress/on-ping.ts', 10, read)).toEqual(['shared-clock']);
  expect(rulesBroken('apps/router/src/a.ts', 10, ['new Date()'])).toEqual(['shared-clock']);
  expect(rulesBroken('apps/persistence/src/retention.ts', 10, read)).toEqual(['shared-clock']);
  expect(rulesBroken('apps/persistence/src/retention.test.ts', 10, read)).toEqual([]);
  expect(rulesBroken('apps/cli/src/a.ts', 10, read)).toEqual([]);
  expect(rulesBroken('apps/gateway/src/session/connections.ts', 10, read)).toEqual([]);
  expect(rulesBroken('apps/gateway/src/session/connections.ts', 10, [])).toEqual(['shared-clock']);
});
