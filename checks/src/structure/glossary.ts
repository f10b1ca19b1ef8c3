import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StructureViolation } from './rules.ts';

const GLOSSARY = 'docs/concepts/glossary.md';
const SPEC = 'packages/protocol/SPEC.md';

/** Rows of the tables with this heading: first cell, then the others. */
function rowsOf(text: string, heading: string): (readonly string[])[] {
  const lines = text.split('\n');
  return lines.flatMap((line, at) => {
    if (!line.startsWith(heading)) return [];
    const rows = lines.slice(at + 2);
    const end = rows.findIndex((row) => !row.startsWith('|'));
    return (end === -1 ? rows : rows.slice(0, end)).map((row) =>
      row
        .replace(/^\|\s*|\s*\|$/g, '')
        .split(/\s+\|\s+/)
        .map((cell) => cell.trim()),
    );
  });
}

const contains = (text: string, word: string): boolean =>
  new RegExp(`(?<![\\w-])${word.replaceAll(/[^\w ]/g, String.raw`\$&`)}`, 'i').test(text);

/**
 * Faults of a glossary: a term that appears twice, leads nowhere, isn't used in `uses`, or differs from the specification's vocabulary;
 * and a word of that vocabulary without an entry.
 */
export function findGlossaryFaults(glossary: string, spec: string, uses: readonly string[]): string[] {
  const entries = rowsOf(glossary, '| term |');
  const meanings = new Map(entries.map(([term, meaning]) => [term, meaning]));
  const vocabulary = rowsOf(spec, '| word |');
  if (entries.length === 0 || vocabulary.length === 0) return ['a table of terms is missing'];
  return [
    ...entries.flatMap(([term, meaning, source], at) => [
      ...(entries.findIndex(([other]) => other === term) < at ? [`"${term}" has two entries`] : []),
      ...(meaning && source?.includes('](')
        ? []
        : [`"${term}" needs a meaning and a link to its specification`]),
      ...term!
        .split(', ')
        .filter((word) => !uses.some((text) => contains(text, word)))
        .map((word) => `"${word}" is used in no page and no source`),
    ]),
    ...vocabulary.flatMap(([word, meaning]) =>
      meanings.get(word) === meaning ? [] : [`"${word}" has another meaning, or none, than in ${SPEC}`],
    ),
  ];
}

/** Checks the glossary against the specification, and its terms against pages and sources. */
export function glossaryFaults(root: string, paths: readonly string[]): StructureViolation[] {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const uses = paths.filter((path) => path !== GLOSSARY).map(read);
  return findGlossaryFaults(read(GLOSSARY), read(SPEC), uses).map((message) => ({
    rule: 'glossary',
    path: GLOSSARY,
    message,
  }));
}
