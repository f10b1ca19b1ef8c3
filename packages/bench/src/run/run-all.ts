import pc from 'picocolors';
import type { Options } from '../options.ts';
import { writePerformancePage } from '../report/performance-page.ts';
import { type Run, writeResults } from '../report/results-file.ts';
import { table } from '../report/table.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { runSweep, type Sweep, sweepSeconds } from '../sweeps/sweep.ts';
import { estimateSeconds, runScenario } from './run-scenario.ts';

export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

interface Job {
  readonly heading: string;
  readonly seconds: number;
  /** Returns what failed. */
  readonly run: () => Promise<readonly string[]>;
}

function jobsOf(options: Options, command: string, signal: AbortSignal): readonly Job[] {
  return [
    ...options.scenarios.map((scenario) => ({
      heading: `${pc.bold(scenario.name)} ${scenario.row === '' ? '' : pc.dim(`(${scenario.row}) `)}${scenario.title}`,
      seconds: estimateSeconds(scenario, options),
      run: () => runOne(scenario, options, { command, signal }),
    })),
    ...options.sweeps.map((sweep) => ({
      heading: `${pc.bold(sweep.name)} ${sweep.title}`,
      seconds: sweepSeconds(sweep, options.timing),
      run: () => runOneSweep(sweep, options, command),
    })),
  ];
}

/**
 * Runs what was chosen, one after another; one that fails doesn't stop the others. Returns the exit code. When `signal` aborts, what is
 * under way is ended, and nothing is written of it.
 */
export async function runAll(options: Options, command: string, signal: AbortSignal): Promise<number> {
  const jobs = jobsOf(options, command, signal);
  const failures: string[] = [];
  let left = jobs.reduce((sum, { seconds }) => sum + seconds, 0);
  progress(
    `${jobs.length} scenario(s), ${options.repeat} round(s) each: about ${minutes(left)}, until ${clock(left)}`,
  );
  for (const [i, { heading, seconds, run }] of jobs.entries()) {
    progress(`\n${heading}`);
    failures.push(...(await run()));
    signal.throwIfAborted();
    left -= seconds;
    progress(pc.dim(`  ${i + 1} of ${jobs.length} done; about ${minutes(left)} left`));
  }
  if (options.out === undefined) progress(`\nresults are in ${writePerformancePage()}`);
  for (const failure of failures) progress(pc.red(`failed: ${failure}`));
  return failures.length === 0 ? 0 : 1;
}

/** Returns what failed. */
async function runOne(
  scenario: Scenario,
  options: Options,
  { command, signal }: { readonly command: string; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const outcome = await runScenario(scenario, {
    ...options,
    signal,
    progress: (text) => progress(pc.dim(`  ${clock(0)} ${text}`)),
  });
  signal.throwIfAborted();
  const { results, failures, floorUs } = outcome;
  for (const { target, problems } of results)
    for (const problem of problems) progress(pc.red(`  ${target}: ${problem}`));
  if (results.length === 0) return failures;
  const { name, row, title } = scenario;
  const run: Run = { scenario: name, row, title, timing: options.timing, ...outcome };
  const path = writeResults(run, command, new Date(), options.out);
  process.stdout.write(options.json ? `${JSON.stringify(run)}\n` : `${table(results, floorUs)}\n`);
  progress(pc.dim(`  written to ${path}`));
  return failures;
}

async function runOneSweep(sweep: Sweep, options: Options, command: string): Promise<readonly string[]> {
  const run = await runSweep(sweep, options.timing, (text) => progress(pc.dim(`  ${clock(0)} ${text}`)));
  if (run.points.length === 0) return run.failures;
  const path = writeResults(run, command, new Date(), options.out);
  const results = run.points.map(({ value, result }) => ({ ...result, target: String(value) }));
  process.stdout.write(options.json ? `${JSON.stringify(run)}\n` : `${table(results, undefined)}\n`);
  progress(pc.dim(`  written to ${path}`));
  return run.failures;
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** Time of day in so many seconds. */
function clock(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toTimeString().slice(0, 8);
}
