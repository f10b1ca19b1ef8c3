import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A stamp is a file with a digest of what a result was made from: as long as both are the same the work is done.
 *
 * @param {string} path
 * @param {string} digest
 */
export function stampIs(path, digest) {
  return existsSync(path) && readFileSync(path, 'utf8') === digest;
}

/** @param {string} path @param {string} digest */
export function writeStamp(path, digest) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, digest);
}

/** @param {readonly string[]} files absolute paths @param {readonly string[]} [values] more that the result depends on */
export function digestOfContents(files, values = []) {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

/**
 * By name, size and time of change: reading a few hundred sources at every start would cost more than it saves.
 *
 * @param {readonly string[]} files absolute paths
 */
export function digestOfState(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

const NOT_SOURCES = new Set(['node_modules', 'dist', '.turbo', '.reports']);

/** All files below a folder without what is installed or built there, in a fixed order. @param {string} folder @returns {string[]} */
export function sourcesBelow(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    if (NOT_SOURCES.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sourcesBelow(path) : [path];
  });
}
