/** `./carillon`, as the pages say it: in a clone where nothing was linked into node_modules/.bin. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ROOT } from '../root.ts';

const isWindows = process.platform === 'win32';

it('runs the command line of the checkout, in the folder where one is, and asks no registry', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'carillon-'));
  const { stdout } = await promisify(execFile)(
    join(ROOT, isWindows ? 'carillon.cmd' : 'carillon'),
    ['--help'],
    {
      cwd,
      shell: isWindows,
      // Registry requests fail at once.
      env: { ...process.env, npm_config_registry: 'http://127.0.0.1:9' },
    },
  );
  expect(stdout).toContain('carillon');
  expect(stdout).toContain('token');
});

it('is what the pages say', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain('./carillon token');
});
