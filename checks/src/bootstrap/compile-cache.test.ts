import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { compileCache } from '../../../bootstrap/compile-cache.mjs';

let folder: string;
let cache: string;
beforeEach(() => {
  vi.stubEnv('NODE_COMPILE_CACHE', '');
  vi.stubEnv('NODE_DISABLE_COMPILE_CACHE', undefined);
  folder = mkdtempSync(join(tmpdir(), 'carillon-compile-cache-'));
  cache = join(folder, 'cache');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a source as `npm start` does, and answers what it says. */
function run(cacheFolder: string, text: string): string {
  const file = join(folder, 'part.ts');
  writeFileSync(file, text);
  // Neither size nor time may decide whether a source is the same.
  utimesSync(file, 1, 1);
  writeFileSync(
    join(folder, 'main.mjs'),
    `import module from 'node:module'; module.enableCompileCache(${JSON.stringify(cacheFolder)}); await import('./part.ts');`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'main.mjs')], {
    encoding: 'utf8',
    env: { ...env, NODE_COMPILE_CACHE: undefined },
  });
  return stdout + stderr;
}

test('compiled code is kept, and a source that has changed is used as it is now', () => {
  expect(compileCache(cache)).toBe(cache);
  expect(run(cache, `const one: string = 'one'; console.log(one);`)).toBe('one\n');
  expect(readdirSync(cache, { recursive: true }).length).toBeGreaterThan(1);
  expect(run(cache, `const one: string = 'two'; console.log(one);`)).toBe('two\n');
  expect(run(cache, `const one: string = 'one'; console.log(one);`)).toBe('one\n');
});

test('a folder that can not be written is done without, and does no harm when it is used all the same', () => {
  writeFileSync(cache, 'a file of this name');
  expect(compileCache(cache)).toBeUndefined();
  expect(run(cache, `console.log('runs');`)).toBe('runs\n');
});

test('damaged entries are not used', () => {
  const text = `const one: string = 'one'; console.log(one);`;
  run(cache, text);
  for (const entry of readdirSync(cache, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) writeFileSync(join(entry.parentPath, entry.name), 'x'.repeat(100));
  expect(run(cache, text)).toBe('one\n');
});

test('too many entries are thrown away', () => {
  const versionFolder = join(cache, 'v24');
  mkdirSync(versionFolder, { recursive: true });
  for (const name of ['a', 'b', 'c']) writeFileSync(join(versionFolder, name), '');
  expect(compileCache(cache, 3)).toBe(cache);
  expect(existsSync(versionFolder)).toBe(true);
  expect(compileCache(cache, 2)).toBe(cache);
  expect(existsSync(versionFolder)).toBe(false);
});

test.each([
  ['NODE_COMPILE_CACHE', '/elsewhere'],
  ['NODE_DISABLE_COMPILE_CACHE', '1'],
])('%s of the user stands', (name, value) => {
  vi.stubEnv(name, value);
  expect(compileCache(cache)).toBeUndefined();
  expect(existsSync(cache)).toBe(false);
});
