/** Writes docs/reference/errors.md from the registries. */
import { writeFileSync } from 'node:fs';
import { errorReference } from '../src/error-reference.ts';

writeFileSync(new URL('../../../docs/reference/errors.md', import.meta.url), errorReference());
