import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, type ServerProcess, startProcess } from '@carillon/testing';
import { histogramUs, summaryUs } from '../load/tally.ts';
import { familyOf, usageOf } from '../measure/process-usage.ts';
import { notStarted } from '../targets/checkout.ts';
import type { Target } from '../targets/target.ts';
import type { Result, Scenario, Size, Timing } from './scenario.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const STARTS = 5;
const READY_TIMEOUT_MS = 60_000;

/**
 * `npm start` until the gateway says that it is ready: npm, the bootstrap's look at what is installed, all services in one process. Its
 * data directory is there from a start before, as it is for whoever starts it a second time.
 */
export const coldStart: Scenario = {
  name: 'cold-start',
  row: 'N8',
  title: '`npm start` with everything installed, until ready',
  start: notStarted,
  peers: [],
  estimateSeconds: () => 22,
  /** @param size `clients` are starts here */
  run: async (target: Target, _timing: Timing, size: Size): Promise<Result> => {
    const clients = Math.min(STARTS, size.clients ?? STARTS);
    const dataDir = await mkdtemp(join(tmpdir(), 'carillon-cold-start-'));
    const histogram = histogramUs();
    let cpuUs = 0;
    try {
      // The first one makes the data directory; where figures don't matter it is one of those that are counted.
      if (size.clients === undefined) await startOnce(dataDir);
      for (let i = 0; i < clients; i++) {
        const { tookUs, usedUs } = await startOnce(dataDir);
        histogram.recordValue(tookUs);
        cpuUs += usedUs;
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
    const latencyUs = summaryUs(histogram);
    return {
      scenario: coldStart.name,
      target: target.name,
      unit: 'start',
      units: clients,
      unitsPerSecond: 1_000_000 / latencyUs.mean,
      cpuPerUnitUs: cpuUs / clients,
      cpuByProcessUs: { all: cpuUs },
      latencyUs,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      loadCpuPerUnitUs: 0,
      rssKbByProcess: {},
      problems: [],
    };
  },
};

async function startOnce(dataDir: string): Promise<{ readonly tookUs: number; readonly usedUs: number }> {
  const [gateway, admin] = [await freePort(), await freePort()];
  const env = {
    CARILLON_DATA_DIR: dataDir,
    CARILLON_GATEWAY_PORT: String(gateway),
    CARILLON_ADMIN_PORT: String(admin),
  };
  const startedAt = performance.now();
  const started = await startProcess({
    command: 'npm',
    args: ['start'],
    cwd: ROOT,
    env,
    readyTimeoutMs: READY_TIMEOUT_MS,
    readyUrl: `http://127.0.0.1:${gateway}/ready`,
  });
  const tookUs = Math.round((performance.now() - startedAt) * 1000);
  try {
    return { tookUs, usedUs: (await usageOf('npm', started.pid)).cpuUs };
  } finally {
    await end(started);
  }
}

/** Ends what does the work, and waits for npm, which ends after it: npm that is ended itself does not wait for its script. */
async function end(started: ServerProcess): Promise<void> {
  const last = (await familyOf(started.pid)).at(-1)!;
  process.kill(last, 'SIGTERM');
  await started.exited;
}
