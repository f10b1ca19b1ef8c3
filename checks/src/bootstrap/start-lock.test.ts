import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

/** A process that has the lock and was killed; its parent never takes note, so that it stays a zombie. */
async function zombieWithLock() {
  const owner = `
    import { withStartLock } from ${MODULE};
    await withStartLock(async () => {
      process.stdout.write(process.pid + '\\n');
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    }, ${JSON.stringify(lock)});`;
  // exec: the shell with the child becomes a program that waits for no child.
  const parent = spawn(
    'sh',
    ['-c', '"$0" --input-type=module --eval "$1" & exec sleep 600', process.execPath, owner],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  process.kill(Number(line), 'SIGKILL');
  return { pid: Number(line), parent };
}

test.runIf(process.platform === 'linux')(
  'the lock of a killed process is taken over, also while it is a zombie',
  async () => {
    const { pid, parent } = await zombieWithLock();
    try {
      expect((JSON.parse(readFileSync(lock, 'utf8')) as { pid: number }).pid).toBe(pid);
      await expect
        .poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), { timeout: 30_000 })
        .toMatch(/\) Z /);
      await expect(withStartLock(async () => 'done', lock)).resolves.toBe('done');
      expect(existsSync(lock)).toBe(false);
    } finally {
      parent.kill('SIGKILL');
    }
  },
);

test('the lock is released when the work fails', async () => {
  const failing = withStartLock(() => Promise.reject(new Error('no network')), lock);
  await expect(failing).rejects.toThrow('no network');
  expect(existsSync(lock)).toBe(false);
});
