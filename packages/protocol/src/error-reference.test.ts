import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { errorReference } from './error-reference.ts';

it('docs/reference/errors.md is what the registries say', () => {
  const page = readFileSync(new URL('../../../docs/reference/errors.md', import.meta.url), 'utf8');
  expect(page, 'run: node packages/protocol/scripts/write-error-reference.ts').toBe(errorReference());
});
