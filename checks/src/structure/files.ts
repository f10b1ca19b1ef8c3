import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly lines: number;
  /** Reads of the machine's clock, e.g. `Date.now()`. */
  readonly clockReads: readonly string[];
}

const SOURCE_EXTENSIONS = /\.(?:ts|tsx|mjs|cjs|js|lua|css|c|sh|html)$/;
/** `performance.now()` measures durations and is no clock. */
const CLOCK_READS = /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)/g;
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage']);

/** All sources below a folder; hidden folders hold caches and settings, not sources. */
export function sourceFiles(root: string, folder = ''): SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const isSkipped = SKIPPED_FOLDERS.has(entry.name) || entry.name.startsWith('.');
      return isSkipped ? [] : sourceFiles(root, path);
    }
    if (!entry.isFile() || !SOURCE_EXTENSIONS.test(entry.name)) return [];
    const text = readFileSync(join(root, path), 'utf8');
    return [{ path, lines: countLines(text), clockReads: text.match(CLOCK_READS) ?? [] }];
  });
}

function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}
