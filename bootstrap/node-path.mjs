/**
 * Where a Node that can run Carillon is. For launchers that may have been started by an older one:
 *
 * ```js
 * import { resolveNode } from '../../../bootstrap/node-path.mjs';
 * const node = resolveNode();
 * if (node === undefined) fail('run `npm start` once');
 * else if (node !== process.execPath) spawn(node, [script, ...args], { stdio: 'inherit' });
 * ```
 *
 * Plain JavaScript for Node 18 and newer, no dependency, costs one look at the file system.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS } from './places.mjs';
import { nodePackage, runningNodeFits } from './toolchain.mjs';

/** The folder the bootstrap installs Node into. @param {{ version: string }} pinned */
export function nodeFolder(pinned) {
  return join(TOOLS, `node-${pinned.version}`);
}

/**
 * @returns {string | undefined} absolute path of a fitting Node: the running one if it fits, else the one that the
 *   bootstrap has fetched, undefined when it has not (or cannot on this platform)
 */
export function resolveNode() {
  if (runningNodeFits()) return process.execPath;
  const pinned = nodePackage();
  if (pinned === undefined) return undefined;
  const binary = join(nodeFolder(pinned), 'node_modules', pinned.name, pinned.binary);
  return existsSync(binary) ? binary : undefined;
}
