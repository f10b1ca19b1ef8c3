import pc from 'picocolors';
import type { Options } from '../options.ts';
import { writePerformancePage } from '../report/performance-page.ts';
import { type Run, writeResults } from '../report/results-file.ts';
import { table } from '../report/table.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { estimateSeconds, runScenario } from './run-scenario.ts';

export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Runs the chosen scenarios one after another; one that fails doesn't stop the others. Returns the exit code. */
export async function runAll(options: Options, command: string): Promise<number> {
  const { scenarios } = options;
  const failures: string[] = [];
  let left = scenarios.reduce((sum, scenario) => sum + estimateSeconds(scenario, options), 0);
  progress(
    `${scenarios.length} scenarios, ${options.repeat} round(s) each: about ${minutes(left)}, until ${clock(left)}`,
  );
  for (const [i, scenario] of scenarios.entries()) {
    progress(`\n${pc.bold(scenario.name)} ${pc.dim(`(${scenario.row})`)} ${scenario.title}`);
    failures.push(...(await runOne(scenario, options, command)));
    left -= estimateSeconds(scenario, options);
    progress(pc.dim(`  ${i + 1} of ${scenarios.length} done; about ${minutes(left)} left`));
  }
  if (options.out === undefined) progress(`\nresults are in ${writePerformancePage()}`);
  for (const failure of failures) progress(pc.red(`failed: ${failure}`));
  return failures.length === 0 ? 0 : 1;
}

/** Returns what failed. */
async function runOne(scenario: Scenario, options: Options, command: string): Promise<readonly string[]> {
  const outcome = await runScenario(scenario, {
    ...options,
    progress: (text) => progress(pc.dim(`  ${clock(0)} ${text}`)),
  });
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

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** Time of day in so many seconds. */
function clock(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toTimeString().slice(0, 8);
}
