/** Everything in one process, as `npm start` runs it, and what is done to it. */
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startSingle } from '../single/single-instance.ts';
import { type Fault, type Faults, type Stricken, serviceOf } from './fault.ts';
import type { Installation } from './installation.ts';

/** Name of the process in plans. */
export const PROCESS = 'process';
/** Writes of this time before a power loss are not on the disk: the journal is flushed once a second. */
const UNFLUSHED_MS = 700;

const OF_PROCESS = { targets: [PROCESS], only: 'process' } as const satisfies Partial<Fault>;

export async function startSingleProcess(): Promise<Installation> {
  const single = await startSingle({
    env: { CARILLON_NAMESPACES: JSON.stringify({ orders: { ackTimeoutMs: '30s' } }) },
  });
  return {
    database: single.rows,
    dataDir: single.dataDir,
    services: new Map([[PROCESS, single]]),
    // Clients of a second gateway are more clients of the same.
    gateways: [single, single],
    stop: () => single.end(),
  };
}

function newestLog({ dataDir }: Installation): string {
  if (dataDir === undefined) throw new Error('this fault is of a single process');
  const journal = join(dataDir, 'journal');
  return join(journal, readdirSync(journal).findLast((name) => name.endsWith('.log'))!);
}

/** The process ends, and its journal lacks what was written last. The database, which flushes nothing, keeps what it was given. */
async function loseTail(stricken: Stricken): Promise<void> {
  const log = newestLog(stricken);
  const { size } = statSync(log);
  await pause(UNFLUSHED_MS);
  await serviceOf(stricken, PROCESS).kill();
  // A log is flushed before the next one begins.
  if (newestLog(stricken) === log) truncateSync(log, Math.min(statSync(log).size, size + 1));
}

export const PROCESS_FAULTS: Faults = {
  'process killed': {
    ...{ ...OF_PROCESS, durationMs: [0, 2000], weight: 6 },
    strike: async (stricken) => {
      await serviceOf(stricken, PROCESS).kill();
      return () => serviceOf(stricken, PROCESS).start();
    },
  },
  'process stopped': {
    ...{ ...OF_PROCESS, durationMs: [0, 1000], weight: 2 },
    strike: async (stricken) => {
      await serviceOf(stricken, PROCESS).stop();
      return () => serviceOf(stricken, PROCESS).start();
    },
  },
  'process frozen': {
    ...{ ...OF_PROCESS, durationMs: [500, 6000] },
    strike: (stricken) => {
      serviceOf(stricken, PROCESS).pause();
      return () => serviceOf(stricken, PROCESS).resume();
    },
  },
  'process cut from clients': {
    ...{ ...OF_PROCESS, durationMs: [0, 500] },
    strike: (stricken) => {
      const { clients } = serviceOf(stricken, PROCESS).links;
      clients.cut();
      return () => clients.heal();
    },
  },
  'process lost power': {
    ...{ ...OF_PROCESS, durationMs: [0, 1000], weight: 4, losesData: true, endsGateways: true },
    strike: async (stricken) => {
      await loseTail(stricken);
      return () => serviceOf(stricken, PROCESS).start();
    },
  },
};
