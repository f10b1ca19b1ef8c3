/** Writes a run to packages/bench/results, with what is needed to repeat it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Result, Timing } from '../scenarios/scenario.ts';

export const RESULTS = fileURLToPath(new URL('../../results/', import.meta.url));

export interface Run {
  readonly scenario: string;
  readonly row: string;
  readonly title: string;
  readonly timing: Timing;
  readonly floorUs: number | undefined;
  readonly results: readonly Result[];
}

/** As it lies in the file. */
export interface RecordedRun extends Run {
  readonly at: string;
  readonly command: string;
  readonly commit: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly kernel: string;
    readonly node: string;
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch (error) {
    return `unknown (${error instanceof Error ? error.message.split('\n')[0] : error})`;
  }
}

/** Returns the path written. */
export function writeResults(run: Run, command: string, now: Date): string {
  mkdirSync(RESULTS, { recursive: true });
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
  const path = `${RESULTS}${run.scenario}.json`;
  const recorded: RecordedRun = { at: now.toISOString(), command, commit: commit(), machine, ...run };
  writeFileSync(path, `${JSON.stringify(recorded, null, 2)}\n`);
  return path;
}
