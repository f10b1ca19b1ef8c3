import { mkdirSync, writeFileSync } from 'node:fs';
import { renderReference } from './render-reference.ts';

const page = new URL('../../../docs/reference/configuration.md', import.meta.url);
mkdirSync(new URL('.', page), { recursive: true });
writeFileSync(page, renderReference());
