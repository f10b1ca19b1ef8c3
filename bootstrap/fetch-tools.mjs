import { randomBytes } from 'node:crypto';
import fs, { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapFailure, failureFrom } from './failure.mjs';
import { nodeFolder, resolveNode } from './node-path.mjs';
import { npmInstall } from './npm.mjs';
import { TOOLS } from './places.mjs';
import { step } from './progress.mjs';
import { isMusl, NODE_MAJOR, nodePackage, pnpmExecutable, pnpmVersion } from './toolchain.mjs';

/** Upper bound of the tools' and an installed checkout's size. */
const NEEDED_BYTES = 2_000_000_000;

/** @typedef {{ title: string, packageSpec: string, folder: string, binary: string }} Tool `binary` is relative to `folder` */

/** @returns {Tool} */
function pnpmTool() {
  const version = pnpmVersion();
  const folder = join(TOOLS, `pnpm-${version}`);
  return { title: `pnpm ${version}`, packageSpec: `pnpm@${version}`, folder, binary: pnpmExecutable() };
}

/** @returns {Tool} */
function nodeTool() {
  const pinned = nodePackage();
  if (pinned === undefined || isMusl()) throw noNodeForThisSystem();
  return {
    title: `Node ${pinned.version}`,
    packageSpec: `${pinned.name}@${pinned.version}`,
    folder: nodeFolder(pinned),
    binary: join('node_modules', pinned.name, pinned.binary),
  };
}

/** @param {Tool} tool */
const executableOf = (tool) => join(tool.folder, tool.binary);

/** @returns {{ node: string, pnpm: string } | undefined} absolute paths, undefined when one has not been fetched */
export function fetchedTools() {
  const node = resolveNode();
  const pnpm = executableOf(pnpmTool());
  return node !== undefined && existsSync(pnpm) ? { node, pnpm } : undefined;
}

/**
 * Fetches what is missing of Node and pnpm. To be called under the start lock.
 *
 * @returns {Promise<{ node: string, pnpm: string }>} absolute paths of their executables
 */
export async function fetchTools() {
  const pnpm = pnpmTool();
  const present = resolveNode();
  const node = present === undefined ? nodeTool() : undefined;
  const missing = [node, existsSync(executableOf(pnpm)) ? undefined : pnpm].filter(
    (tool) => tool !== undefined,
  );
  if (missing.length > 0) {
    mkdirSync(TOOLS, { recursive: true });
    removeLeftovers();
    refuseFullDisk();
    await step(`Fetching ${missing.map(({ title }) => title).join(' and ')}`, async (note) => {
      const results = await Promise.allSettled(missing.map((tool) => fetchTool(tool, note)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    });
  }
  return { node: present ?? executableOf(/** @type {Tool} */ (node)), pnpm: executableOf(pnpm) };
}

/**
 * Installs beside the target and renames, so that a folder that exists is complete, and that two starts at once
 * cannot disturb each other.
 *
 * @param {Tool} tool
 * @param {(line: string) => void} note
 */
async function fetchTool(tool, note) {
  const partial = `${tool.folder}.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
  try {
    mkdirSync(partial);
    writeFileSync(join(partial, 'package.json'), '{ "private": true }\n');
    const { status, output } = await npmInstall(partial, [tool.packageSpec], note);
    if (status !== 0) throw failureFrom(`Fetching ${tool.title}`, output);
    if (!existsSync(join(partial, tool.binary))) throw missingBinary(tool, output);
    moveIntoPlace(partial, tool);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Removes files of an interrupted start. No other process fetches: the start lock is held. */
function removeLeftovers() {
  for (const name of readdirSync(TOOLS)) {
    if (name.endsWith('.partial')) rmSync(join(TOOLS, name), { recursive: true, force: true });
  }
}

/** @param {string} partial @param {Tool} tool */
function moveIntoPlace(partial, tool) {
  if (existsSync(executableOf(tool))) return;
  // A folder without the binary is damaged: somebody deleted half of it.
  rmSync(tool.folder, { recursive: true, force: true });
  try {
    renameSync(partial, tool.folder);
  } catch (error) {
    // Another start was faster, and what it put there is the same.
    if (!existsSync(executableOf(tool))) throw error;
  }
}

function noNodeForThisSystem() {
  const system = `${process.platform} ${process.arch}${isMusl() ? ' (musl)' : ''}`;
  return new BootstrapFailure(
    `Carillon runs on Node ${NODE_MAJOR}, this is ${process.versions.node}, and npm has no Node ${NODE_MAJOR} for ${system}.`,
    `Install Node ${NODE_MAJOR} yourself, so that \`node --version\` says v${NODE_MAJOR}, then start again.`,
  );
}

/** @param {Tool} tool @param {string} output */
function missingBinary(tool, output) {
  return new BootstrapFailure(
    `npm installed ${tool.packageSpec}, but there is no ${tool.binary} in it.`,
    'See whether npm is told to leave out packages: `npm config get os`, `cpu`, `libc`.',
    output,
  );
}

function refuseFullDisk() {
  // Added in Node 18.15.
  if (typeof fs.statfsSync !== 'function') return;
  const { bavail, bsize } = fs.statfsSync(TOOLS);
  const free = bavail * bsize;
  if (free >= NEEDED_BYTES) return;
  throw new BootstrapFailure(
    `The disk of ${TOOLS} is nearly full: ${Math.round(free / 1e6)} MB free.`,
    `Free at least ${NEEDED_BYTES / 1e9} GB there, then start again.`,
  );
}
