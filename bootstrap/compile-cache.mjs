import { accessSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS } from './places.mjs';

/**
 * Node keeps compiled code here. Each entry names the content it was made from, so a changed source is compiled anew; an entry that cannot
 * be read, or the whole folder gone, costs time and nothing else.
 */
const COMPILE_CACHE = join(TOOLS, 'compile-cache');

/** About 60 MB. A start makes 1500; a file that has changed takes the place of what it was, other versions of packages and of Node do not. */
const MAX_ENTRIES = 10_000;

/**
 * The folder for Node's compiled code, emptied when there is too much in it.
 *
 * @param {string} [folder]
 * @param {number} [maxEntries]
 * @returns {string | undefined} undefined when there can be none: a checkout that is not writable, or that the user has decided himself
 *   (NODE_COMPILE_CACHE, NODE_DISABLE_COMPILE_CACHE)
 */
export function compileCache(folder = COMPILE_CACHE, maxEntries = MAX_ENTRIES) {
  if (process.env.NODE_COMPILE_CACHE || process.env.NODE_DISABLE_COMPILE_CACHE) return undefined;
  try {
    if (entriesBelow(folder) > maxEntries) rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    // Read-only, or a file of this name: everything works without.
    return undefined;
  }
}

/** Node makes a folder per version of itself. @param {string} folder */
function entriesBelow(folder) {
  let count = 0;
  for (const name of namesIn(folder)) count += namesIn(join(folder, name)).length;
  return count;
}

/** @param {string} folder @returns {string[]} */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not there yet, or not a folder
  }
}
