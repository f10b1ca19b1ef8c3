import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { StructureViolation } from './rules.ts';

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage']);
const LINK = /\]\(([^()\s]+)\)/g;
const CODE = /```[\s\S]*?```|`[^`\n]*`/g;

/** All pages of documentation below a folder. */
export function markdownFiles(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return SKIPPED_FOLDERS.has(entry.name) || entry.name.startsWith('.') ? [] : markdownFiles(root, path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** As the anchors of headings are made where the pages are read: lower case, hyphens for spaces, no punctuation. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/```[\s\S]*?```/g, '').match(/^#{1,6} .*$/gm) ?? [];
  return new Set(
    headings.map((heading) =>
      heading
        .replace(/^#+ /, '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links of one page to files and headings of this repository that aren't there. */
export function brokenLinks(root: string, path: string): StructureViolation[] {
  const text = readFileSync(join(root, path), 'utf8');
  return [...text.replaceAll(CODE, '').matchAll(LINK)].flatMap(([, target]) => {
    if (/^[a-z]+:/.test(target!)) return [];
    const [file, anchor] = target!.split('#') as [string, string | undefined];
    const linked = file === '' ? path : normalize(join(dirname(path), file));
    const full = join(root, linked);
    const isThere =
      existsSync(full) &&
      (anchor === undefined || !linked.endsWith('.md') || anchorsOf(readFileSync(full, 'utf8')).has(anchor));
    return isThere ? [] : [{ rule: 'dead-link', path, message: `${target} leads nowhere` }];
  });
}
