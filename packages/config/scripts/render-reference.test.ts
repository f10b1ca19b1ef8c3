import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CATALOGUE, KNOWN_VARIABLES } from '../src/index.ts';
import { renderReference } from './render-reference.ts';

const page = readFileSync(new URL('../../../docs/reference/configuration.md', import.meta.url), 'utf8');

test('docs/reference/configuration.md is what the declarations give', () => {
  expect(page, 'run: pnpm --filter @carillon/config reference').toBe(renderReference());
});

test('the page names every variable', () => {
  for (const variable of KNOWN_VARIABLES) expect(page).toContain(`| \`${variable}\` |`);
});

test('no variable is declared twice', () => {
  const declared = new Map(
    CATALOGUE.flatMap((group) => Object.values(group.settings)).map((setting) => [setting, setting.variable]),
  );
  expect([...declared.values()].toSorted()).toEqual([...KNOWN_VARIABLES].toSorted());
});

test('every variable is CARILLON_* or OTEL_*, described, and its example is allowed', () => {
  for (const setting of CATALOGUE.flatMap((group) => Object.values(group.settings))) {
    expect(setting.variable).toMatch(/^(CARILLON|OTEL)_[A-Z0-9_]+$/);
    expect(setting.description).toMatch(/\.$/);
    const example = setting.example.replace(/^'(.*)'$/, '$1');
    if (example.startsWith('@') || example.startsWith('"$(')) continue;
    expect(setting.parse(example), `${setting.variable}=${example}`).toHaveProperty('value');
  }
});

test('every default is allowed', () => {
  for (const setting of CATALOGUE.flatMap((group) => Object.values(group.settings))) {
    if (setting.required || setting.defaultText === undefined || setting.defaultText === '') continue;
    if (['CARILLON_NODE_ID', 'CARILLON_NAMESPACES'].includes(setting.variable)) continue;
    expect(setting.parse(setting.defaultText), setting.variable).toEqual({ value: setting.absent() });
  }
});
