/**
 * What `npm start`, `npm test`, `npm run check`, `npm run bench` and `npm run chaos` call: gets the pinned Node and pnpm, installs, and
 * hands over. Plain JavaScript, because it has to run on any Node from 18 on, before anything is installed.
 */
import { join } from 'node:path';
import { buildConsole } from './console-build.mjs';
import { BootstrapFailure, fileSystemFailure } from './failure.mjs';
import { handOver } from './hand-over.mjs';
import { ROOT } from './places.mjs';
import { prepare, prepareTools } from './prepare.mjs';
import { bold, dim, red, say } from './progress.mjs';
import { ensureTestServices } from './test-services.mjs';

const USAGE = `usage: node bootstrap/run.mjs <command> [arguments]

  start   run Carillon in one process, for development     (npm start)
  test    check and test everything                        (npm test)
  check   formatting, types, structure                     (npm run check)
  bench   benchmarks                                       (npm run bench)
  chaos   random faults against a whole installation       (npm run chaos)
  pnpm    the pinned pnpm, e.g. "pnpm add zod"
  node    the pinned Node`;

/** @typedef {import('./prepare.mjs').Toolbox} Toolbox */

/** @type {Record<string, (toolbox: Toolbox, args: readonly string[]) => Promise<number>>} */
const COMMANDS = {
  async start(toolbox, args) {
    await buildConsole(toolbox);
    return runSource(toolbox, 'apps/cli/src/main.ts', ['dev', ...args]);
  },
  async test(toolbox, args) {
    const services = await ensureTestServices();
    const env = { ...toolbox.env, ...services };
    return runSource({ ...toolbox, env }, 'checks/src/commands/test-all.ts', args);
  },
  check: (toolbox, args) => runSource(toolbox, 'checks/src/commands/check-all.ts', args),
  async chaos(toolbox, args) {
    const services = await ensureTestServices();
    const env = { ...toolbox.env, ...services };
    return runSource({ ...toolbox, env }, 'packages/e2e/src/chaos/main.ts', args);
  },
  bench: (toolbox, args) => runSource(toolbox, 'packages/bench/src/main.ts', args),
  node: (toolbox, args) => handOver(toolbox.node, args, { env: toolbox.env }),
};

/** @param {Toolbox} toolbox @param {string} file relative to the root @param {readonly string[]} args */
function runSource({ node, env }, file, args) {
  return handOver(node, [join(ROOT, file), ...args], { env, cwd: ROOT });
}

/** @param {readonly string[]} argv @returns {Promise<number>} exit code */
async function main([name = '', ...args]) {
  if (name === 'pnpm') {
    const { pnpm, env } = await prepareTools();
    return handOver(pnpm, args, { env });
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    say(USAGE);
    return 2;
  }
  return command(await prepare(), args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const failure = error instanceof BootstrapFailure ? error : fileSystemFailure(error);
  if (failure === undefined) throw error;
  say(`\n${red(bold(failure.message))}\n${failure.fix}`);
  if (failure.details) say(`\n${dim(failure.details)}`);
  process.exitCode = 1;
}
