/** `carillon bench` against a running instance, as real processes. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env as inherited } from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { freePort, type ServerProcess, startProcess } from '@carillon/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BenchReport } from './report.ts';

const BIN = fileURLToPath(new URL('../../bin/carillon.js', import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), 'carillon-bench-'));
let env: Record<string, string>;
let instance: ServerProcess;

beforeAll(async () => {
  env = {
    CARILLON_DATA_DIR: dataDir,
    CARILLON_GATEWAY_PORT: String(await freePort()),
    CARILLON_ADMIN_PORT: String(await freePort()),
  };
  instance = await startProcess({
    command: process.execPath,
    args: [BIN, 'dev'],
    env: { ...inherited, ...env },
    readyPattern: /In another terminal/,
  });
});
afterAll(async () => {
  await instance.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function bench(...args: string[]) {
  const child = spawn(process.execPath, [BIN, 'bench', ...args], { env: { ...inherited, ...env } });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { out, err, code };
}

const SMALL = ['--clients', '6', '--duration', '1500ms', '--channels', '2', '--publishers', '2'];

it('tells in JSON what came, how fast, and that nothing is missing', { timeout: 30_000 }, async () => {
  const { out, err, code } = await bench(...SMALL, '--rate', '100', '--ramp-up', '300ms', '--output', 'json');
  const report = JSON.parse(out) as BenchReport;
  expect(report).toMatchObject({
    connected: 6,
    failed: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    problems: [],
  });
  expect(report.published).toMatchObject({ refused: 0 });
  expect(report.delivered.count).toBe(report.published.accepted * 3);
  expect(report.deliveryMs.count).toBe(report.delivered.count);
  expect(report.connectMs.count).toBe(6);
  expect(report.server!.rssBytes).toBeGreaterThan(1_000_000);
  expect(err).toMatch(/6\/6 clients/);
  expect(code).toBe(0);
});

it('publishes as fast as it goes under stress, and is silent when asked to', {
  timeout: 30_000,
}, async () => {
  const { out, err, code } = await bench(...SMALL, '--stress', '--log-level', 'silent');
  expect(out).toMatch(/0 lost, 0 doubled, 0 out of order/);
  expect(out).toMatch(/grade +(?:excellent|good|fair|poor)/);
  expect([err, code]).toEqual(['', 0]);
});

it('says what is wrong with its options, with a token, and with an address', {
  timeout: 30_000,
}, async () => {
  expect(await bench('--clients', '0')).toMatchObject({ code: 2, out: '' });
  const token = await bench(...SMALL, '--token', 'nonsense');
  expect([token.code, token.err]).toEqual([1, expect.stringContaining('TOKEN_MALFORMED')]);
  const anonymous = await bench(...SMALL, '--anonymous');
  expect(anonymous.code).toBe(1);
  const nobody = await bench(...SMALL, '--url', `http://127.0.0.1:${await freePort()}`);
  expect(nobody.err).toContain('Nothing listens');
});
