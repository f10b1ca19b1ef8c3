import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS, SDK_ERRORS, SERVICE_ERRORS } from '@carillon/protocol';
import { expect, test } from 'vitest';
import { ROOT } from '../root.ts';
import { errorCodesIn, isProductSource, usedErrorCodes } from './error-codes.ts';
import { sourceFiles } from './files.ts';

/** Codes of what Carillon is made with. */
const FOREIGN = /^(?:E[A-Z]+|EAI_[A-Z]+|ERR_[A-Z_]+|HPE_[A-Z_]+|FST_[A-Z_]+)$/;
const REGISTERED = new Set([
  ...Object.keys(ERRORS),
  ...Object.keys(SDK_ERRORS),
  ...Object.keys(SERVICE_ERRORS),
]);
const paths = sourceFiles(ROOT).map(({ path }) => path);

test('codes are found where errors are declared, made and compared', () => {
  const text = `
    readonly code = 'IN_A_CLASS';
    throw new FooError('AS_ARGUMENT', 'text');
    throw new FooError(
      'ON_ITS_OWN_LINE',
    return { code: 'IN_AN_OBJECT', message };
    if (error.code === 'COMPARED') return "code: none";`;
  expect(errorCodesIn(text)).toEqual([
    'IN_A_CLASS',
    'AS_ARGUMENT',
    'ON_ITS_OWN_LINE',
    'IN_AN_OBJECT',
    'COMPARED',
  ]);
  expect(isProductSource('packages/jobs/src/worker.ts')).toBe(true);
  expect(isProductSource('apps/console/src/app.tsx')).toBe(true);
  expect(isProductSource('packages/jobs/src/worker.test.ts')).toBe(false);
  expect(isProductSource('packages/e2e/src/people.ts')).toBe(false);
});

test('every error code in the sources is in a registry, and so in docs/reference/errors.md', () => {
  const used = usedErrorCodes(ROOT, paths);
  expect(used.length).toBeGreaterThan(100);
  expect(used.filter(({ code }) => !REGISTERED.has(code) && !FOREIGN.test(code))).toEqual([]);
});

test('every registered code is used by something', () => {
  const text = paths
    .filter((path) => isProductSource(path) && !/^packages\/protocol\/src\/(?:\w+-)?errors\.ts$/.test(path))
    .map((path) => readFileSync(join(ROOT, path), 'utf8'))
    .join('\n');
  expect([...REGISTERED].filter((code) => !text.includes(`'${code}'`))).toEqual([]);
});

test('no code means two things', () => {
  const all = [ERRORS, SDK_ERRORS, SERVICE_ERRORS].flatMap((registry) => Object.keys(registry));
  expect(all.filter((code, i) => all.indexOf(code) !== i)).toEqual([]);
});
