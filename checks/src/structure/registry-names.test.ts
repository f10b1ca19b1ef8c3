import { expect, it } from 'vitest';
import { findRegistryNames } from './registry-names.ts';

it.each([
  ['npx', 'carillon token'],
  ['npx --yes', 'carillon token'],
  ['npx', '@carillon/client'],
  ['npm install', '@carillon/client'],
  ['npm i -D', '@carillon/client'],
  ['pnpm add', '@carillon/server'],
  ['npm exec', 'carillon'],
])('%s %s asks a registry', (command, name) => {
  expect(findRegistryNames('a.md', `run \`${command} ${name}\`.`)).toHaveLength(1);
});

it.each([
  './carillon token',
  'npm install ./carillon-*.tgz',
  'pnpm --filter @carillon/client build',
  'npx vitest run',
  'npm run carillon',
])('%s does not', (text) => {
  expect(findRegistryNames('a.md', text)).toEqual([]);
});
