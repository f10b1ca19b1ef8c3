import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BUGS } from './bugs.ts';
import { bugsTable } from './bugs-table.ts';
import { applyEdit, EDITS, type EditName } from './edits.ts';
import { SCENARIOS } from './scenarios.ts';

const ROOT = new URL('../../../../', import.meta.url);

describe('edits', () => {
  it.each(Object.entries(EDITS))('%s finds its snippet exactly once', (_name, edit) => {
    const source = readFileSync(new URL(edit.file, ROOT), 'utf8');
    expect(applyEdit(source, edit)).not.toBe(source);
  });

  it('fails when the snippet is not there, or twice', () => {
    const edit = { file: 'a.ts', find: 'x', replace: 'y' };
    expect(() => applyEdit('abc', edit)).toThrow('a.ts has 0 times');
    expect(() => applyEdit('axbx', edit)).toThrow('a.ts has 2 times');
  });

  it('each is a bug, or weakens a scenario', () => {
    const weakening = Object.values(SCENARIOS).flatMap((scenario) =>
      'weakened' in scenario ? scenario.weakened : [],
    );
    const used = new Set<string>([...Object.keys(BUGS), ...weakening]);
    expect(Object.keys(EDITS).filter((name) => !used.has(name as EditName))).toEqual([]);
  });

  it.each(bugsTable())('is documented: %s', (row) => {
    expect(readFileSync(new URL('docs/operations/proof.md', ROOT), 'utf8')).toContain(row);
  });
});
