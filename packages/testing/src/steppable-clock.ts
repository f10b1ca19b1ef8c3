import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from './backend.ts';
import { environment } from './config.ts';
import type { ProcessOptions } from './server-process.ts';

const COMPILERS = ['cc', 'gcc', 'clang', 'tcc'];
const run = promisify(execFile);

/**
 * The time of day, so many milliseconds later as the file says. Without headers, which a machine may not have. libfaketime does not do: it
 * calls malloc before jemalloc, which redis-server has, is ready for it.
 */
const SOURCE = `
struct timeval { long seconds, microseconds; };
struct timespec { long seconds, nanoseconds; };
int clock_gettime(int, struct timespec *);
char *getenv(const char *);
int open(const char *, int, ...);
void *mmap(void *, unsigned long, int, int, int, long);

int gettimeofday(struct timeval *now, void *zone) {
  static volatile long long *ahead;
  if (!ahead) ahead = mmap(0, 8, 1, 1, open(getenv("STEPPABLE_CLOCK"), 0), 0);
  struct timespec real;
  clock_gettime(0, &real);
  long long us = real.seconds * 1000000LL + real.nanoseconds / 1000 + *ahead * 1000;
  now->seconds = us / 1000000;
  now->microseconds = us % 1000000;
  return 0;
}
`;

export interface SteppableClock {
  /** For the process whose clock it is. */
  readonly settings: Pick<ProcessOptions, 'env'>;
  /** The process has the new time when it resolves. */
  readonly step: (byMs: number) => Promise<void>;
}

/** A clock for a redis-server that is about to be started. Only the time of day is changed: its own timers go on. Linux only. */
export async function steppableClock(folder: string): Promise<SteppableClock> {
  const compiler = environment.compiler || COMPILERS.map(findProgram).find((path) => path !== undefined);
  if (process.platform !== 'linux' || compiler === undefined)
    throw new Error(
      'this test steps a clock: it needs Linux and a C compiler (Debian: apt-get install tcc, or give CARILLON_TEST_CC)',
    );
  const [source, library, file] = ['clock.c', 'clock.so', 'clock'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(source, SOURCE);
  // Without the C library's own files, which tcc doesn't bring along: the process has the library.
  await run(compiler, ['-shared', '-fPIC', '-nostdlib', '-o', library, source]);
  let aheadMs = 0n;
  const write = (): Promise<void> => writeFile(file, new BigInt64Array([aheadMs]), { flag: 'r+' });
  await writeFile(file, new BigInt64Array([aheadMs]));
  return {
    settings: { env: { LD_PRELOAD: library, STEPPABLE_CLOCK: file } },
    step: async (byMs) => {
      aheadMs += BigInt(byMs);
      await write();
    },
  };
}
