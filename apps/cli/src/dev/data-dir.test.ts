import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning } from '../process-identity.ts';
import { findDevState, removeDevState, writeDevState } from '../target/dev-state.ts';
import { jwtSecretOf, openDataDir } from './data-dir.ts';

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'carillon-data-'));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

/** A pid that belongs to nobody any more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid!;
}

describe('the data directory', () => {
  it('is for one process at a time', () => {
    const first = openDataDir(path);
    expect(() => openDataDir(path)).toThrow(`process ${process.pid} uses`);
    first.release();
    openDataDir(path).release();
  });

  it.runIf(process.platform === 'linux')(
    'is taken over from one that was killed, also while it is a zombie',
    async () => {
      const module = JSON.stringify(fileURLToPath(new URL('./data-dir.ts', import.meta.url)));
      const owner = `import { openDataDir } from ${module}; openDataDir(${JSON.stringify(path)});
      console.log(process.pid); setInterval(() => undefined, 1000);`;
      // exec: the shell with the child becomes a program that waits for no child.
      const parent = spawn(
        'sh',
        ['-c', '"$0" --input-type=module --eval "$1" & exec sleep 600', process.execPath, owner],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      try {
        const [line] = (await once(parent.stdout, 'data')) as [Buffer];
        const pid = Number(line);
        expect(() => openDataDir(path)).toThrow(`process ${pid} uses`);
        process.kill(pid, 'SIGKILL');
        await expect
          .poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), { timeout: 30_000 })
          .toMatch(/\) Z /);
        expect(isRunning({ pid })).toBe(false);
        openDataDir(path).release();
      } finally {
        parent.kill('SIGKILL');
      }
    },
  );

  it('is refused with a way out when it can not be made', () => {
    writeFileSync(join(path, 'file'), '');
    expect(() => openDataDir(join(path, 'file', 'below'))).toThrow(/can't be used/);
  });

  it('keeps its secret, for the owner only', () => {
    const dir = openDataDir(path);
    const secret = jwtSecretOf(dir);
    expect(secret.length).toBeGreaterThanOrEqual(32);
    expect(jwtSecretOf(dir)).toBe(secret);
    expect(statSync(join(path, 'jwt-secret')).mode & 0o777).toBe(0o600);
    dir.release();
  });
});

describe('the state of a running instance', () => {
  const state = { gatewayUrl: 'http://127.0.0.1:8080', adminUrl: 'http://127.0.0.1:8081', jwtSecret: 's' };

  it('is found while the instance runs, and private', () => {
    writeDevState(path, { ...state, process: { pid: process.pid } });
    expect(findDevState(path)).toMatchObject(state);
    expect(statSync(join(path, 'dev.json')).mode & 0o777).toBe(0o600);
    removeDevState(path);
    expect(findDevState(path)).toBeUndefined();
  });

  it('is not found when the instance has died', async () => {
    writeDevState(path, { ...state, process: { pid: await deadPid() } });
    expect(findDevState(path)).toBeUndefined();
  });

  it('says what to do when it is broken', () => {
    writeFileSync(join(path, 'dev.json'), '{');
    expect(() => findDevState(path)).toThrow(/can't be read/);
    expect(readFileSync(join(path, 'dev.json'), 'utf8')).toBe('{');
  });
});
