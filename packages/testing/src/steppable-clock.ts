import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ProcessOptions } from './server-process.ts';

/** Where distributions put it. */
const LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib64/faketime/libfaketime.so.1',
  '/usr/lib/faketime/libfaketime.so.1',
];
/** How long the process goes on with the time that it has read. */
const CACHE_S = 1;

export interface SteppableClock {
  /** For the process whose clock it is. */
  readonly settings: Pick<ProcessOptions, 'env'>;
  /** Resolves when the process has the new time. */
  readonly step: (byMs: number) => Promise<void>;
}

/** The clock of a process that is about to be started. Only what it reads as the time of day is changed: its own timers go on. */
export async function steppableClock(folder: string): Promise<SteppableClock> {
  const library = LIBRARIES.find((path) => existsSync(path));
  if (library === undefined)
    throw new Error('this test steps a clock: it needs libfaketime (Debian: apt-get install libfaketime)');
  const file = join(folder, 'clock');
  let aheadMs = 0;
  const write = (): Promise<void> =>
    writeFile(file, `${aheadMs < 0 ? '-' : '+'}${Math.abs(aheadMs) / 1000}s\n`);
  await write();
  return {
    settings: {
      env: {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_CACHE_DURATION: String(CACHE_S),
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    },
    step: async (byMs) => {
      aheadMs += byMs;
      await write();
      await pause(CACHE_S * 1000 + 200);
    },
  };
}
