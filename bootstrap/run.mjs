/**
 * Entry point of `npm start`, `npm test`, `npm run check`, `npm run test:charts`, `npm run bench` and `npm run chaos`: gets the
 * pinned Node and pnpm, installs, and hands over. Plain JavaScript, because it has to run on any Node from 18 on, before anything is installed.
 */
import { existsSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chartToolsFolder, ensureChartTools } from './chart-tools.mjs';
import { compileCache } from './compile-cache.mjs';
import { buildConsole } from './console-build.mjs';
import { BootstrapFailure, fileSystemFailure } from './failure.mjs';
import { handOver } from './hand-over.mjs';
import { ROOT } from './places.mjs';
import { prepare, prepareTools } from './prepare.mjs';
import { bold, dim, red, say } from './progress.mjs';

const USAGE = `usage: node bootstrap/run.mjs <command> [arguments]

  start   run Carillon in one process, for development     (npm start)
  test    check and test everything                        (npm test)
  check   formatting, types, structure                     (npm run check)
  bench   benchmarks                                       (npm run bench)
  chaos   random faults against a whole installation       (npm run chaos)
  charts  the tests of the Helm charts                     (npm run test:charts)
  chart-tools  builds what they need, as far as Go is there
  carillon  the command line                               (./carillon)
  pnpm    the pinned pnpm, e.g. "pnpm add zod"
  node    the pinned Node`;

/** A build server has other things to do. What was built so far is kept, so the next run goes on from there. */
const CHART_TOOLS_WITHIN_MS = 180_000;

/** @typedef {import('./prepare.mjs').Toolbox} Toolbox */

/** @type {Record<string, (toolbox: Toolbox, args: readonly string[]) => Promise<number | URL>>} */
const COMMANDS = {
  async start(toolbox, args) {
    await buildConsole(toolbox);
    return runHere(toolbox, 'apps/cli/src/main.ts', ['dev', ...args]);
  },
  async test(toolbox, args) {
    const env = { ...toolbox.env, ...(await testServices()) };
    return runSource({ ...toolbox, env }, 'checks/src/commands/test-all.ts', args);
  },
  check: (toolbox, args) => runSource(toolbox, 'checks/src/commands/check-all.ts', args),
  async chaos(toolbox, args) {
    const env = { ...toolbox.env, ...(await testServices()) };
    return runSource({ ...toolbox, env }, 'packages/e2e/src/chaos/main.ts', args);
  },
  async charts(toolbox, args) {
    if (args.includes('--write')) return runSource(toolbox, 'checks/src/charts/main.ts', []);
    await ensureChartTools();
    return runSource(toolbox, 'node_modules/vitest/vitest.mjs', ['run', 'checks/src/charts', ...args]);
  },
  carillon: (toolbox, args) => runHere(toolbox, 'apps/cli/src/main.ts', args, process.cwd()),
  bench: (toolbox, args) => runSource(toolbox, 'packages/bench/src/main.ts', args),
  node: (toolbox, args) => handOver(toolbox.node, args, { env: toolbox.env }),
};

/** @param {Toolbox} toolbox @param {string} file relative to the root @param {readonly string[]} args */
function runSource({ node, env }, file, args) {
  return handOver(node, [join(ROOT, file), ...args], { env, cwd: ROOT });
}

/** Loaded by those who need it: a start does not. */
async function testServices() {
  const { ensureTestServices } = await import('./test-services.mjs');
  // Results of tests are cached; those without the tools are not those with them.
  const charts = existsSync(chartToolsFolder()) ? chartToolsFolder() : '';
  return { ...(await ensureTestServices()), CARILLON_TEST_CHART_TOOLS: charts };
}

/**
 * For a program that is to start quickly: in this very process when its Node fits, as another one takes time and memory, and with what was
 * compiled kept for the next start.
 *
 * @param {Toolbox} toolbox
 * @param {string} file relative to the root
 * @param {readonly string[]} args
 * @param {string} cwd where the program runs
 * @returns {Promise<number | URL>} the exit code, or what is to be imported
 */
async function runHere({ node, env }, file, args, cwd = ROOT) {
  const main = join(ROOT, file);
  const cache = compileCache();
  if (node !== process.execPath) {
    const kept = cache === undefined ? {} : { NODE_COMPILE_CACHE: cache };
    return handOver(node, [main, ...args], { env: { ...env, ...kept }, cwd });
  }
  // Not replaced: on Windows its names have no case.
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  process.chdir(cwd);
  process.argv.splice(1, process.argv.length, main, ...args);
  if (cache !== undefined) module.enableCompileCache(cache);
  return pathToFileURL(main);
}

/** @param {readonly string[]} argv @returns {Promise<number | URL>} exit code, or what is to be imported */
async function main([name = '', ...args]) {
  if (name === 'pnpm') {
    const { pnpm, env } = await prepareTools();
    return handOver(pnpm, args, { env });
  }
  if (name === 'chart-tools') {
    await ensureChartTools(CHART_TOOLS_WITHIN_MS);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    say(USAGE);
    return 2;
  }
  return command(await prepare(), args);
}

/** @type {URL | undefined} */
let imported;
try {
  const result = await main(process.argv.slice(2));
  if (result instanceof URL) imported = result;
  else process.exitCode = result;
} catch (error) {
  const failure = error instanceof BootstrapFailure ? error : fileSystemFailure(error);
  if (failure === undefined) throw error;
  say(`\n${red(bold(failure.message))}\n${failure.fix}`);
  if (failure.details) say(`\n${dim(failure.details)}`);
  process.exitCode = 1;
}
// Its errors are its own.
if (imported !== undefined) await import(imported.href);
