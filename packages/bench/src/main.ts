/**
 * `npm run bench -- [scenario ...|all] [--peers] [--seconds N] [--warm-up N] [--clients N] [--json]`
 *
 * Runs each scenario against Carillon, with `--peers` also against Socket.IO, and the floor where the scenario has one: all in
 * one run, one after another, so that the ratios hold although machines differ.
 */
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { writePerformancePage } from './report/performance-page.ts';
import { writeResults } from './report/results-file.ts';
import { table } from './report/table.ts';
import { SCENARIOS } from './scenarios/catalogue.ts';
import type { Result, Scenario, Size, Timing } from './scenarios/scenario.ts';
import { startCarillon } from './targets/carillon.ts';
import { measureFloor } from './targets/floor.ts';
import { startSocketIo } from './targets/socketio.ts';
import type { Target } from './targets/target.ts';

const MAX_SECONDS = 300;
/** Above it the connections of two gateways and of the load don't fit into the file descriptors of usual systems. */
const MAX_CLIENTS = 20_000;

interface Options {
  readonly scenarios: readonly Scenario[];
  readonly timing: Timing;
  readonly size: Size;
  readonly peers: boolean;
  readonly json: boolean;
}

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peers: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '10' },
      'warm-up': { type: 'string', default: '3' },
      clients: { type: 'string' },
    },
  });
  const names = SCENARIOS.map((scenario) => scenario.name);
  const unknown = positionals.filter((name) => name !== 'all' && !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`no such scenario: ${unknown.join(', ')}. There are: all, ${names.join(', ')}`);
  const all = positionals.length === 0 || positionals.includes('all');
  return {
    scenarios: all ? SCENARIOS : SCENARIOS.filter((scenario) => positionals.includes(scenario.name)),
    timing: {
      seconds: seconds(values.seconds, '--seconds'),
      warmUpSeconds: seconds(values['warm-up'], '--warm-up'),
    },
    size: values.clients === undefined ? {} : { clients: clients(values.clients) },
    peers: values.peers,
    json: values.json,
  };
}

function seconds(text: string, option: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= MAX_SECONDS))
    throw new Error(`${option} must be a number of seconds from 1 to ${MAX_SECONDS}, not '${text}'`);
  return value;
}

function clients(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= MAX_CLIENTS))
    throw new Error(`--clients must be a whole number from 1 to ${MAX_CLIENTS}, not '${text}'`);
  return value;
}

async function runAgainst(
  start: () => Promise<Target>,
  scenario: Scenario,
  { timing, size }: Options,
): Promise<Result> {
  const target = await start();
  try {
    progress(`${target.name}: ${timing.warmUpSeconds} s warm-up, ${timing.seconds} s measured`);
    return await scenario.run(target, timing, size);
  } finally {
    await target.stop();
  }
}

async function runScenario(scenario: Scenario, options: Options): Promise<void> {
  const { timing, peers, json } = options;
  process.stderr.write(`${pc.bold(scenario.name)} ${pc.dim(`(${scenario.row})`)} ${scenario.title}\n`);
  const { floor } = scenario;
  if (floor !== undefined) progress('floor');
  const floorUs = floor && (await measureFloor(floor.subscribers, floor.ratePerSecond, timing.seconds));
  const results = [await runAgainst(startCarillon, scenario, options)];
  const startPeer = (): Promise<Target> => startSocketIo({ recovery: scenario.resumes === true });
  if (peers) results.push(await runAgainst(startPeer, scenario, options));
  const run = { scenario: scenario.name, row: scenario.row, title: scenario.title, timing, floorUs, results };
  const path = writeResults(run, `npm run bench -- ${process.argv.slice(2).join(' ')}`, new Date());
  process.stdout.write(json ? `${JSON.stringify(run)}\n` : `${table(results, floorUs)}\n`);
  for (const result of results)
    for (const problem of result.problems) process.stderr.write(pc.red(`  ${result.target}: ${problem}\n`));
  progress(`written to ${path}\n`);
}

function progress(text: string): void {
  process.stderr.write(pc.dim(`  ${text}\n`));
}

try {
  const options = readOptions();
  for (const scenario of options.scenarios) await runScenario(scenario, options);
  progress(`results are in ${writePerformancePage()}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
