import type { SourceFile } from './files.ts';

export interface StructureViolation {
  readonly rule: string;
  readonly path: string;
  readonly message: string;
}

const MAX_LINES = 300;
/** A table of cases is read line by line; it may be longer than what has to be understood as a whole. */
const MAX_TEST_LINES = 600;

const TEST_FILE = /\.(?:test|suite)\.tsx?$/;
const NAMES_THAT_SAY_NOTHING = /^(?:utils?|helpers?|commons?|misc|shared|managers?)$/;
const ENTRY_FILES = /^(?:(?:apps|packages|examples)\/[^/]+|checks)\/(?:src\/)?index\.(?:ts|html)$/;

function sizeOf({ path, lines }: SourceFile): StructureViolation[] {
  const limit = TEST_FILE.test(path) ? MAX_TEST_LINES : MAX_LINES;
  if (lines <= limit) return [];
  return [
    { rule: 'file-size', path, message: `${lines} lines, allowed are ${limit}: split it by what it does` },
  ];
}

function namesIn({ path }: SourceFile): StructureViolation[] {
  return path
    .split('/')
    .map((part) => part.replace(/\..*$/, ''))
    .filter((part) => NAMES_THAT_SAY_NOTHING.test(part))
    .map((part) => ({ rule: 'telling-names', path, message: `"${part}" doesn't say what is in it` }));
}

function entryOnly({ path }: SourceFile): StructureViolation[] {
  if (!/(?:^|\/)index\.[a-z]+$/.test(path) || ENTRY_FILES.test(path)) return [];
  return [{ rule: 'index-is-entry', path, message: 'index files are for the entry of a package only' }];
}

export function structureViolations(files: readonly SourceFile[]): StructureViolation[] {
  return files.flatMap((file) => [...sizeOf(file), ...namesIn(file), ...entryOnly(file)]);
}
