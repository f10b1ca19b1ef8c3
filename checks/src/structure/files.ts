import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly lines: number;
}

const SOURCE_EXTENSIONS = /\.(?:ts|tsx|mjs|cjs|js|lua|css|c|sh|html)$/;
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
    return [{ path, lines: countLines(readFileSync(join(root, path), 'utf8')) }];
  });
}

function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}
