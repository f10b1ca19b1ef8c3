/** `carillon bench` against a running instance, as real processes. */
import { type ChildProcess, spawn } from 'node:child_process';
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

const bench = (...args: string[]) => watchedBench(args, () => undefined);

/** @param onProgress gets what is told on stderr, and the process */
async function watchedBench(args: string[], onProgress: (told: string, child: ChildProcess) => void) {
  const child = spawn(process.execPath, [BIN, 'bench', ...args], { env: { ...inherited, ...env } });
  child.stderr.on('data', (chunk: Buffer) => onProgress(String(chunk), child));
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { out, err, code };
}

const SMALL = ['--clients', '6', '--duration', '1500ms', '--channels', '2', '--publishers', '2'];

it('tells in JSON what came, how fast, and that nothing is missing', async () => {
  const { out, err, code } = await bench(...SMALL, '--rate', '100', '--ramp-up', '300ms', '--json');
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

it('publishes as fast as it goes under stress, and is silent when asked to', async () => {
  const { out, err, code } = await bench(...SMALL, '--stress', '--log-level', 'silent');
  expect(out).toMatch(/0 lost, 0 doubled, 0 out of order/);
  expect(out).toMatch(/grade +(?:excellent|good|fair|poor)/);
  expect([err, code]).toEqual(['', 0]);
});

it('says what is wrong with its options, with a token, and with an address', async () => {
  expect(await bench('--clients', '0')).toMatchObject({ code: 2, out: '' });
  expect(await bench('--stress', '--rate', '5')).toMatchObject({ code: 2, out: '' });
  const token = await bench(...SMALL, '--token', 'nonsense');
  expect([token.code, token.err]).toEqual([1, expect.stringContaining('TOKEN_MALFORMED')]);
  const anonymous = await bench(...SMALL, '--anonymous');
  expect(anonymous.code).toBe(1);
  const nobody = await bench(...SMALL, '--url', `http://127.0.0.1:${await freePort()}`);
  expect(nobody.err).toContain('Nothing listens');
});

it('is no success when every message is refused', async () => {
  const { out, code } = await bench(...SMALL, '--payload', '200000', '--log-level', 'silent');
  expect(out).toContain('nothing was delivered');
  expect(out).toContain('the server takes at most');
  expect(code).toBe(1);
});

it('tells what it has measured when Ctrl-C ends it', async () => {
  let pressed = false;
  const { out, code } = await watchedBench([...SMALL, '--duration', '60s', '--json'], (told, child) => {
    // Once: another one would end it without a report.
    if (!pressed && /[1-9]\d* published/.test(told)) pressed = child.kill('SIGINT');
  });
  const report = JSON.parse(out) as BenchReport;
  expect(report).toMatchObject({ interrupted: true, lost: 0 });
  expect(report.published.accepted).toBeGreaterThan(0);
  expect(report.seconds).toBeLessThan(60);
  expect(code).toBe(130);
});

// The last one: it ends the instance.
it('does not wait for a server that went away, and says that answers are missing', {
  timeout: 120_000,
}, async () => {
  let stopping: Promise<unknown> | undefined;
  const args = ['--clients', '6', '--duration', '15s', '--json'];
  const { out, err, code } = await watchedBench(args, (told) => {
    if (/[1-9]\d* published/.test(told)) stopping ??= instance.stop();
  });
  await stopping;
  const report = JSON.parse(out) as BenchReport;
  expect(report).toMatchObject({ disconnected: 6 });
  expect(report.published.unanswered).toBeGreaterThan(0);
  expect(report.problems).toContainEqual(expect.stringMatching(/a connection ended: .+ \(\d+\)/));
  expect(err).toContain('0/6 clients');
  expect(code).toBe(1);
});
