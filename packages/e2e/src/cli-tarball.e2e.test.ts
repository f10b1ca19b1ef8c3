/** The command line outside the checkout: packed, installed in a folder of its own, and run. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, type ServerProcess, startProcess } from '@carillon/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

let folder: string;
let bin: string;
let env: Record<string, string>;
let instance: ServerProcess | undefined;

/** With `env` on top of this process's environment. */
async function carillon(...args: string[]): Promise<string> {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const { stdout } = await run('env', [...settings, process.execPath, bin, ...args], { cwd: folder });
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carillon-cli-'));
  const { stdout } = await run(process.execPath, [join(ROOT, 'tooling/pack-cli.mjs'), folder], {
    maxBuffer: 16 * 1024 * 1024,
  });
  await writeFile(join(folder, 'package.json'), '{"name":"elsewhere","private":true}');
  // The workspace's install has filled the store of pnpm.
  await writeFile(join(folder, 'pnpm-workspace.yaml'), 'packages: []\n');
  await run('pnpm', ['add', '--prefer-offline', stdout.trim()], { cwd: folder });
  bin = join(folder, 'node_modules/carillon/bin/carillon.js');
  env = {
    CARILLON_DATA_DIR: join(folder, 'data'),
    CARILLON_GATEWAY_PORT: String(await freePort()),
    CARILLON_ADMIN_PORT: String(await freePort()),
  };
  instance = await startProcess({
    command: process.execPath,
    args: [bin, 'dev'],
    cwd: folder,
    env,
    readyPattern: /In another terminal/,
  });
}, 240_000);

afterAll(async () => {
  await instance?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

it('runs all services, stores what is published, and gives it back', { timeout: 60_000 }, async () => {
  await carillon('pub', 'chat:a', '{"text":"from elsewhere"}', '--stored');
  expect(JSON.parse(await carillon('history', 'chat:a', '--json'))).toMatchObject({
    channel: 'chat:a',
    seq: 1,
    payload: { text: 'from elsewhere' },
  });
});

it('brings the console', async () => {
  const page = await fetch(`http://127.0.0.1:${env.CARILLON_ADMIN_PORT}/`);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>')]);
});

it('names itself as it is called there', () => {
  expect(instance!.output).toContain('carillon sub chat:lobby');
  expect(instance!.output).not.toContain('./carillon');
});

it('needs one package beside itself, and has the license', async () => {
  const installed = join(folder, 'node_modules/carillon');
  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  expect(Object.keys(dependencies)).toEqual(['@electric-sql/pglite']);
  expect(await readFile(join(installed, 'LICENSE'), 'utf8')).toContain('Apache License');
});
