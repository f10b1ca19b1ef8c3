import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { BootstrapFailure } from './failure.mjs';
import { homeIsWritable } from './home.mjs';
import { TOOLS } from './places.mjs';
import { runQuietly } from './run-quietly.mjs';

/**
 * The npm that started us, else the one that came with this Node, else the one on the PATH.
 *
 * @returns {{ file: string, args: string[], shell: boolean }}
 */
function findNpm() {
  const script = npmScript();
  if (script !== undefined) return { file: process.execPath, args: [script], shell: false };
  const name = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const onPath = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
  // Windows refuses to start a .cmd without a shell; npm is only ever given arguments from this file.
  if (onPath) return { file: name, args: [], shell: process.platform === 'win32' };
  throw new BootstrapFailure(
    'npm was not found.',
    'Install Node with npm (any Node from 18 on), then start again.',
  );
}

/** npm's own script, which needs no shell, if it is in one of the usual places. */
function npmScript() {
  const beside = dirname(process.execPath);
  const candidates = [
    process.env.npm_execpath ?? '',
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  // pnpm and yarn set npm_execpath too, to themselves.
  return candidates.find((path) => path.endsWith('npm-cli.js') && existsSync(path));
}

/** By default npm waits 70 s before it says that there is no network, and asks it even for what it has. */
const NETWORK = [
  '--prefer-offline',
  '--fetch-retries=3',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=4000',
];

/**
 * Installs packages into a folder with npm, whatever the user's npm is set to do about scripts and optional packages.
 *
 * @param {string} folder with a package.json of its own, which keeps npm from taking a folder above for the project.
 *   (`--prefix` would too, and would lose the machine's npmrc: npm looks for that below the prefix.)
 * @param {readonly string[]} packages with exact versions
 * @param {(line: string) => void} onLine
 * @returns {Promise<{ status: number, output: string }>}
 */
export async function npmInstall(folder, packages, onLine) {
  const npm = findNpm();
  const options = [
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--include=optional',
    '--no-audit',
    '--no-fund',
  ];
  const cache = homeIsWritable() ? [] : ['--cache', join(TOOLS, 'npm-cache')];
  const args = ['install', '--location=project', ...options, ...NETWORK, ...cache, ...packages];
  return runQuietly(npm.file, [...npm.args, ...args], { cwd: folder, shell: npm.shell, onLine });
}
