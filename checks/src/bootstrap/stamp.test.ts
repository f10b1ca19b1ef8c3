import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  digestOfContents,
  digestOfState,
  sourcesBelow,
  stampIs,
  writeStamp,
} from '../../../bootstrap/stamp.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-stamp-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

test('a stamp holds until what it was made from changes', () => {
  const stamp = join(folder, 'cache', 'stamp');
  const file = write('package.json', '{}');
  const digest = digestOfContents([file], ['pnpm 12']);
  expect(stampIs(stamp, digest)).toBe(false);
  writeStamp(stamp, digest);
  expect(stampIs(stamp, digestOfContents([file], ['pnpm 12']))).toBe(true);
  expect(stampIs(stamp, digestOfContents([file], ['pnpm 13']))).toBe(false);
  write('package.json', '{ }');
  expect(stampIs(stamp, digestOfContents([file], ['pnpm 12']))).toBe(false);
});

test('sources are all files but those that are installed or built', () => {
  for (const path of ['src/a.ts', 'src/deep/b.ts', 'dist/a.js', 'node_modules/x/index.js', '.turbo/log'])
    write(path, '');
  expect(sourcesBelow(folder)).toEqual([join(folder, 'src/a.ts'), join(folder, 'src/deep/b.ts')]);
  expect(sourcesBelow(join(folder, 'absent'))).toEqual([]);
});

test('an added file, a removed file and a changed size are seen', () => {
  write('a.ts', '1');
  const state = () => digestOfState(sourcesBelow(folder));
  const before = state();
  expect(state()).toBe(before);
  const added = write('b.ts', '2');
  expect(state()).not.toBe(before);
  rmSync(added);
  expect(state()).toBe(before);
  write('a.ts', '12');
  expect(state()).not.toBe(before);
});
