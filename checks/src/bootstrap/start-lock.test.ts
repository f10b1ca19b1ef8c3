import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withStartLock } from '../../../bootstrap/start-lock.mjs';
import { ROOT } from '../root.ts';

const MODULE = JSON.stringify(join(ROOT, 'bootstrap', 'start-lock.mjs'));

let folder: string;
let lock: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-lock-'));
  lock = join(folder, 'start.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that, under the lock, says `begin`, works for as long as another process takes, and says `end`. */
function competitor(log: string) {
  const script = `
    import { execFileSync } from 'node:child_process';
    import { appendFileSync } from 'node:fs';
    import { withStartLock } from ${MODULE};
    await withStartLock(async () => {
      appendFileSync(${JSON.stringify(log)}, 'begin ');
      execFileSync(process.execPath, ['--eval', '']);
      appendFileSync(${JSON.stringify(log)}, 'end ');
    }, ${JSON.stringify(lock)});`;
  return spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'ignore' });
}

test('work under the lock is done by one process at a time', async () => {
  const log = join(folder, 'log');
  const processes = Array.from({ length: 5 }, () => competitor(log));
  const codes = await Promise.all(processes.map(async (child) => (await once(child, 'exit'))[0]));
  expect(codes).toEqual([0, 0, 0, 0, 0]);
  expect(readFileSync(log, 'utf8')).toBe('begin end '.repeat(5));
  expect(existsSync(lock)).toBe(false);
});

test('the lock of a process that is gone is taken over', async () => {
  const child = spawn(process.execPath, ['--eval', '']);
  await once(child, 'exit');
  writeFileSync(lock, JSON.stringify({ pid: child.pid, host: hostname() }));
  await expect(withStartLock(async () => 'done', lock)).resolves.toBe('done');
  expect(existsSync(lock)).toBe(false);
});

test('the lock is released when the work fails', async () => {
  const failing = withStartLock(() => Promise.reject(new Error('no network')), lock);
  await expect(failing).rejects.toThrow('no network');
  expect(existsSync(lock)).toBe(false);
});
