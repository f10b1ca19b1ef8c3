/** Carillon as `npm start` runs it: everything in one process, on a journal and PGlite. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, startProcess } from '@carillon/testing';
import { usageOf } from '../measure/process-usage.ts';
import { mintToken, SETTINGS } from './carillon.ts';
import { SERVER_NODE_OPTIONS, type Target } from './target.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const READY_TIMEOUT_MS = 120_000;

export interface SingleProcessOptions {
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another checkout of Carillon, installed. */
  readonly root?: string;
}

export async function startSingleProcess({
  name = 'carillon',
  env = {},
  root = ROOT,
}: SingleProcessOptions = {}): Promise<Target> {
  const dataDir = await mkdtemp(join(tmpdir(), 'carillon-bench-single-'));
  const [port, admin] = [await freePort(), await freePort()];
  const started = await startProcess({
    command: process.execPath,
    args: [...SERVER_NODE_OPTIONS, join(root, 'apps/cli/src/main.ts'), 'dev'],
    env: {
      ...SETTINGS,
      CARILLON_DATA_DIR: dataDir,
      CARILLON_GATEWAY_PORT: String(port),
      CARILLON_ADMIN_PORT: String(admin),
      ...env,
    },
    readyUrl: `http://127.0.0.1:${port}/ready`,
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  return {
    name,
    dialect: 'carillon',
    token: await mintToken('bench'),
    tokens: (count) => Promise.all(Array.from({ length: count }, (_, i) => mintToken(`bench-${i}`))),
    ports: [port],
    nodes: ['single'],
    usage: async () => [await usageOf('single', started.pid)],
    stop: async () => {
      await started.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
