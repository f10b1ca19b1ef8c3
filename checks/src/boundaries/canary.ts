import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruiseWorkspace } from './cruise.ts';
import { ALLOWED_IMPORTS, allowedInTests } from './import-table.ts';
import { RULES } from './rules.ts';

const APPS = new Set(['gateway', 'router', 'persistence', 'admin', 'console', 'cli']);

const folderOf = (name: string) => `${APPS.has(name) ? 'apps' : 'packages'}/${name}`;

export interface ExpectedViolation {
  readonly rule: string;
  readonly from: string;
}

/** A file of the canary, and the rules it breaks. */
interface CanaryFile {
  readonly path: string;
  readonly text: string;
  readonly breaks: readonly string[];
}

const importOf = (specifier: string) => `import '${specifier}';\n`;
const typeImport = (name: string) => `import type { name } from '@carillon/${name}';\n`;
const packageImport = (name: string) => importOf(`@carillon/${name}`);

/** The first package that is not in a list. */
function outside(allowed: readonly string[]): string {
  const name = Object.keys(ALLOWED_IMPORTS).find((other) => !allowed.includes(other));
  if (name === undefined) throw new Error('canary: a package may import everything');
  return name;
}

/** For every package a file and a test that import what they may not. */
function forbiddenImports(): CanaryFile[] {
  return Object.entries(ALLOWED_IMPORTS).flatMap(([name, allowed]) => {
    const path = `${folderOf(name)}/src/forbidden`;
    const wrong = packageImport(outside([name, ...allowed]));
    const wrongInTests = typeImport(outside([name, ...allowedInTests(name)]));
    return [
      { path: `${path}.ts`, text: wrong, breaks: [`imports-of-${name}`] },
      { path: `${path}.test.ts`, text: wrongInTests, breaks: [`imports-of-${name}-tests`] },
    ];
  });
}

const BROKEN_GENERALLY: readonly CanaryFile[] = [
  {
    path: 'packages/newcomer/src/index.ts',
    text: packageImport('protocol'),
    breaks: ['package-not-in-table'],
  },
  // A cycle is reported once, for its first file.
  { path: 'packages/broker/src/hen.ts', text: importOf('./egg.ts'), breaks: [] },
  { path: 'packages/broker/src/egg.ts', text: importOf('./hen.ts'), breaks: ['no-cycles'] },
  {
    path: 'packages/broker/src/relative.ts',
    text: importOf('../../protocol/src/index.ts'),
    breaks: ['no-relative-imports-across-packages'],
  },
  {
    path: 'packages/broker/src/deep.ts',
    text: importOf('../../protocol/src/detail.ts'),
    breaks: ['no-deep-imports', 'no-relative-imports-across-packages'],
  },
  { path: 'packages/broker/src/a.test.ts', text: 'export const a = 1;\n', breaks: [] },
  {
    path: 'packages/broker/src/uses-test.ts',
    text: importOf('./a.test.ts'),
    breaks: ['no-imports-of-tests'],
  },
  {
    path: 'packages/broker/src/not-exported.ts',
    text: importOf('@carillon/protocol/src/detail.ts'),
    breaks: ['no-unresolvable-imports'],
  },
  {
    path: 'packages/broker/src/absent.ts',
    text: importOf('./nowhere.ts'),
    breaks: ['no-unresolvable-imports'],
  },
];

/** Correct imports must not be reported: a rule that fires on everything proves nothing. */
const CORRECT: readonly CanaryFile[] = [
  {
    path: 'packages/broker/src/correct.ts',
    text: packageImport('telemetry') + importOf('./own.ts'),
    breaks: [],
  },
  { path: 'packages/broker/src/own.ts', text: 'export const own = 1;\n', breaks: [] },
  { path: 'packages/broker/src/correct.test.ts', text: packageImport('testing'), breaks: [] },
  { path: 'packages/protocol/src/detail.ts', text: 'export const detail = 1;\n', breaks: [] },
  { path: 'apps/persistence/src/correct.ts', text: packageImport('db'), breaks: [] },
  { path: 'apps/cli/src/correct.ts', text: packageImport('gateway'), breaks: [] },
];

function canaryFiles(): readonly CanaryFile[] {
  return [...forbiddenImports(), ...BROKEN_GENERALLY, ...CORRECT];
}

/** Writes a workspace that breaks every rule into a folder. */
function writeCanary(root: string, files: readonly CanaryFile[]): void {
  mkdirSync(join(root, 'node_modules', '@carillon'), { recursive: true });
  for (const name of Object.keys(ALLOWED_IMPORTS)) {
    const folder = join(root, folderOf(name));
    mkdirSync(join(folder, 'src'), { recursive: true });
    const manifest = { name: `@carillon/${name}`, type: 'module', exports: { '.': './src/index.ts' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(folder, 'src', 'index.ts'), `export const name = '${name}';\n`);
    symlinkSync(folder, join(root, 'node_modules', '@carillon', name), 'junction');
  }
  for (const { path, text } of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

export interface CanaryResult {
  /** Rules that were broken and did not fire. */
  readonly silent: readonly ExpectedViolation[];
  /** Rules that fired where nothing is wrong. */
  readonly unfounded: readonly ExpectedViolation[];
  /** Rules that the canary does not break at all. */
  readonly untested: readonly string[];
}

/** Do the rules find every violation of a workspace made of violations, and nothing else? */
export async function runCanary(): Promise<CanaryResult> {
  const root = mkdtempSync(join(tmpdir(), 'carillon-canary-'));
  try {
    const files = canaryFiles();
    writeCanary(root, files);
    const { violations } = await cruiseWorkspace(root);
    const expected = files.flatMap(({ path, breaks }) => breaks.map((rule) => ({ rule, from: path })));
    return {
      silent: without(expected, violations),
      unfounded: without(violations, expected),
      untested: RULES.map(({ name }) => name ?? '').filter(
        (name) => !expected.some(({ rule }) => rule === name),
      ),
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function without(
  list: readonly ExpectedViolation[],
  others: readonly ExpectedViolation[],
): ExpectedViolation[] {
  const known = new Set(others.map(({ rule, from }) => `${rule} ${from}`));
  return list
    .filter(({ rule, from }) => !known.has(`${rule} ${from}`))
    .map(({ rule, from }) => ({ rule, from }));
}
