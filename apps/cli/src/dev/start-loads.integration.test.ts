/** Bounds the number of files loaded by a start: start-up time depends on it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env as inherited } from 'node:process';
import { fileURLToPath } from 'node:url';
import { startProcess } from '@carillon/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/carillon.js', import.meta.url));
/** Writes the address of each file that is loaded, to where the start writes that it is over. */
const TELLING = `import { registerHooks } from 'node:module'; import { writeSync } from 'node:fs';
registerHooks({ load(url, context, next) { writeSync(1, 'loaded ' + url + '\\n'); return next(url, context); } });`;
const START_IS_OVER = 'In another terminal';
/** A start loads 930 files; BullMQ would be 300 more, Drizzle 100, the schema compilers of Fastify 100. */
const MOST_FILES = 990;

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'carillon-start-loads-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

it('a start loads what it needs, and jobs come after it', async () => {
  const hook = `data:text/javascript,${encodeURIComponent(TELLING)}`;
  const instance = await startProcess({
    command: process.execPath,
    args: ['--import', hook, BIN, 'dev'],
    env: { ...inherited, CARILLON_DATA_DIR: dataDir, CARILLON_GATEWAY_PORT: '0', CARILLON_ADMIN_PORT: '0' },
    readyPattern: /loaded .*\/bullmq\//,
  });
  await instance.stop();
  const before = instance.output.slice(0, instance.output.indexOf(START_IS_OVER));
  const files = before.split('\n').filter((line) => line.startsWith('loaded file:'));
  expect(files.length).toBeGreaterThan(100);
  expect(files.length).toBeLessThan(MOST_FILES);
  for (const name of ['bullmq', 'drizzle-orm', 'ajv', '@opentelemetry'])
    expect(files.filter((line) => line.includes(`/${name}/`))).toEqual([]);
});
