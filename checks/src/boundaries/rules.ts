import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { IForbiddenRuleType } from 'dependency-cruiser';
import { ROOT } from '../root.ts';
import { ALLOWED_IMPORTS, allowedInTests } from './import-table.ts';

const ANY_PACKAGE = '^(?:apps|packages)/';
const TEST_FILES = String.raw`\.(?:test|suite)\.tsx?$`;

/** dependency-cruiser calls what it finds behind a link in node_modules undetermined, and a relative import local. */
const RELATIVE_IMPORT = 'local';

const foldersNamed = (names: readonly string[]) => names.map((name) => `^(?:apps|packages)/${name}/`);

function rulesForPackage(name: string, allowed: readonly string[]): IForbiddenRuleType[] {
  const from = `^(?:apps|packages)/${name}/`;
  const inTests = allowedInTests(name);
  return [
    {
      name: `imports-of-${name}`,
      comment: `${name} may import ${allowed.join(', ') || 'no other package'}`,
      severity: 'error',
      from: { path: from, pathNot: TEST_FILES },
      to: { path: ANY_PACKAGE, pathNot: foldersNamed([name, ...allowed]) },
    },
    {
      name: `imports-of-${name}-tests`,
      comment: `tests of ${name} may import ${inTests.join(', ')}`,
      severity: 'error',
      from: { path: `${from}.*${TEST_FILES}` },
      to: { path: ANY_PACKAGE, pathNot: foldersNamed([name, ...inTests]) },
    },
  ];
}

/** Entries of packages other than their index. */
function subpathEntries(): string[] {
  return globSync('{apps,packages}/*/package.json', { cwd: ROOT }).flatMap((file) => {
    const { exports = {} } = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as {
      exports?: Record<string, unknown>;
    };
    return Object.values(exports)
      .filter((target) => typeof target === 'string')
      .map((target) => join(dirname(file), target));
  });
}

const entries = (): string[] => [
  String.raw`^(?:apps|packages)/[^/]+/src/index\.ts$`,
  ...subpathEntries().map((path) => `^${path.replaceAll('.', String.raw`\.`)}$`),
];

const GENERAL_RULES: readonly IForbiddenRuleType[] = [
  {
    name: 'package-not-in-table',
    comment: 'a new package has to be given its place in checks/src/boundaries/import-table.ts',
    severity: 'error',
    from: { path: ANY_PACKAGE, pathNot: foldersNamed(Object.keys(ALLOWED_IMPORTS)) },
    to: {},
  },
  {
    name: 'no-cycles',
    comment: 'a cycle has no layer that can be understood or tested first',
    severity: 'error',
    from: { path: ANY_PACKAGE },
    to: { circular: true },
  },
  {
    name: 'no-relative-imports-across-packages',
    comment: 'another package is imported by its name',
    severity: 'error',
    from: { path: '^((?:apps|packages)/[^/]+)/' },
    to: { path: ANY_PACKAGE, pathNot: '^$1/', dependencyTypes: [RELATIVE_IMPORT] },
  },
  {
    name: 'no-deep-imports',
    comment: "only a package's entries (exports of its package.json) are its interface",
    severity: 'error',
    from: { path: '^((?:apps|packages)/[^/]+)/' },
    to: { path: ANY_PACKAGE, pathNot: ['^$1/', ...entries()] },
  },
  {
    name: 'no-imports-of-tests',
    comment: 'tests are not shipped',
    severity: 'error',
    from: { path: ANY_PACKAGE, pathNot: TEST_FILES },
    to: { path: TEST_FILES },
  },
  {
    name: 'no-unresolvable-imports',
    comment: 'the file or package is not there, or its package.json does not export it',
    severity: 'error',
    from: { path: ANY_PACKAGE },
    to: { couldNotResolve: true },
  },
];

export const RULES: readonly IForbiddenRuleType[] = [
  ...Object.entries(ALLOWED_IMPORTS).flatMap(([name, allowed]) => rulesForPackage(name, allowed)),
  ...GENERAL_RULES,
];
