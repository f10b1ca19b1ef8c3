import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDevState, removeDevState, writeDevState } from '../target/dev-state.ts';
import { jwtSecretOf, openDataDir } from './data-dir.ts';
import { keepPositions, takePositions } from './positions-file.ts';

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

  it('is taken over from one that died', async () => {
    writeFileSync(join(path, 'lock.json'), JSON.stringify({ pid: await deadPid() }));
    openDataDir(path).release();
    writeFileSync(join(path, 'lock.json'), '{"pi');
    openDataDir(path).release();
  });

  it('is taken over when the pid now belongs to another process', () => {
    writeFileSync(join(path, 'lock.json'), JSON.stringify({ pid: process.pid, started: 'another boot/1' }));
    openDataDir(path).release();
  });

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

describe('positions', () => {
  it('are given back once', () => {
    const snapshot = [['default/chat', { epoch: 'e', seq: 4 }]] as never;
    keepPositions(path, snapshot);
    expect(takePositions(path)).toEqual(snapshot);
    expect(takePositions(path)).toBeUndefined();
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
