import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

it('makes all that is missing', () => {
  const dir = mkdtempSync(join(tmpdir(), 'carillon-folder-'));
  makeFolder(join(dir, 'a/b/c'), 0o700);
  makeFolder(join(dir, 'a/b/c'), 0o700);
  expect(statSync(join(dir, 'a/b/c')).mode & 0o777).toBe(0o700);
  rmSync(dir, { recursive: true });
});

it('fails where no folder can be made, and does not try for ever', () => {
  const module = fileURLToPath(new URL('make-folder.ts', import.meta.url));
  const program = `import { makeFolder } from ${JSON.stringify(module)};
    try { makeFolder('/proc/carillon/x', 0o700); } catch (error) { process.stdout.write(error.code); }`;
  // In a process of its own, which can be ended.
  const code = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    timeout: 60_000,
  });
  expect(String(code)).toBe('ENOENT');
});
