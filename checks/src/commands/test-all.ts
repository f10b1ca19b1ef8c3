/**
 * `npm test`: the checks, the builds, the tests of every package, and at last the end-to-end tests, alone, because
 * they measure time and kill processes. `npm test -- broker gateway` runs the tests of some packages only.
 */
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import pc from 'picocolors';
import { ROOT } from '../root.ts';
import { startChild } from './children.ts';
import { runSteps } from './run-step.ts';
import { CONCURRENCY, checkSteps, TURBO } from './tools.ts';
import { addReports, reportPath } from './totals.ts';

interface TestedPackage {
  readonly name: string;
  /** Absolute path. */
  readonly folder: string;
}

const END_TO_END = '@carillon/e2e';

function testedPackages(): TestedPackage[] {
  const manifests = globSync(['apps/*/package.json', 'packages/*/package.json', 'checks/package.json'], {
    cwd: ROOT,
  });
  return manifests.flatMap((path) => {
    const { name, scripts } = JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
    return scripts?.test === undefined ? [] : [{ name, folder: join(ROOT, dirname(path)) }];
  });
}

/** Runs turbo with its output shown. @returns whether all went well */
function turbo(...args: string[]): Promise<boolean> {
  const shared = [`--concurrency=${CONCURRENCY}`, '--continue', '--ui=stream', '--output-logs=new-only'];
  const child = startChild(process.execPath, [TURBO, 'run', ...args, ...shared], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code === 0));
  });
}

function heading(text: string): void {
  console.log(`\n${pc.bold(text)}`);
}

async function check(): Promise<boolean> {
  heading('Checks');
  const results = await runSteps(checkSteps(), CONCURRENCY);
  return results.every(({ ok }) => ok);
}

async function runTests(packages: readonly TestedPackage[], withBuilds: boolean): Promise<boolean> {
  const filters = (chosen: readonly TestedPackage[]) => chosen.map(({ name }) => `--filter=${name}`);
  const alone = packages.filter(({ name }) => name === END_TO_END);
  const others = packages.filter(({ name }) => name !== END_TO_END);
  let ok = true;
  if (others.length > 0) {
    heading('Tests');
    ok = await turbo(...(withBuilds ? ['build'] : []), 'test', ...filters(others));
  }
  if (alone.length > 0) {
    heading('End-to-end tests');
    ok = (await turbo('test', ...filters(alone))) && ok;
  }
  return ok;
}

function printTotals(packages: readonly TestedPackage[]): boolean {
  const { totals, failures, missing } = addReports(packages.map(({ folder }) => folder));
  // Once more at the end: among the output of many packages a failure is hard to find, and logs are often cut at the front.
  for (const { file, test, reason } of failures)
    console.log(`\n${pc.red('failed')} ${pc.bold(`${relative(ROOT, file)} ${test}`)}\n${reason}`);
  for (const folder of missing)
    console.log(pc.red(`${basename(folder)}: the test run ended without a report`));
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  return totals.failed === 0;
}

const chosen = process.argv.slice(2);
const all = testedPackages();
const packages = chosen.length === 0 ? all : all.filter(({ folder }) => chosen.includes(basename(folder)));
const unknown = chosen.filter((name) => !all.some(({ folder }) => basename(folder) === name));
if (unknown.length > 0) {
  console.error(
    `no package with tests is called ${unknown.join(', ')}; there are ${all.map(({ folder }) => basename(folder)).join(', ')}`,
  );
  process.exit(2);
}

// A report of an earlier run must not be taken for one of this run; turbo brings back those of its cached runs.
for (const { folder } of packages) if (existsSync(reportPath(folder))) rmSync(reportPath(folder));

const checksPassed = chosen.length > 0 || (await check());
const testsPassed = await runTests(packages, chosen.length === 0);
const totalsGood = printTotals(packages);
process.exitCode = checksPassed && testsPassed && totalsGood ? 0 : 1;
