/** Writes a run to packages/bench/results, with what is needed to repeat it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Summed } from '../run/repeats.ts';
import type { Timing } from '../scenarios/scenario.ts';

export const RESULTS = fileURLToPath(new URL('../../results/', import.meta.url));

export interface Run {
  readonly scenario: string;
  readonly row: string;
  readonly title: string;
  readonly timing: Timing;
  readonly floorUs: number | undefined;
  readonly floorRepeatsUs: readonly number[];
  readonly results: readonly Summed[];
  readonly failures: readonly string[];
}

/** Provenance of a result: everything needed to repeat the run. */
export interface Origin {
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

/** As it lies in the file. */
export type RecordedRun = Origin & Run;

let known: string | undefined;

/** Looked up once: the results that a run writes make the checkout dirty, which says nothing about what was measured. */
function commit(): string {
  known ??= describe();
  return known;
}

function describe(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch (error) {
    return `unknown (${error instanceof Error ? error.message.split('\n')[0] : error})`;
  }
}

function origin(command: string, now: Date): Origin {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
  return { at: now.toISOString(), command, commit: commit(), machine };
}

/** Writes `<scenario>.json` into `folder`. Returns the path written. */
export function writeResults<T extends { readonly scenario: string }>(
  run: T,
  command: string,
  now: Date,
  folder = RESULTS,
): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${run.scenario}.json`);
  writeFileSync(path, `${JSON.stringify({ ...origin(command, now), ...run }, null, 2)}\n`);
  return path;
}
