import { readdirSync } from 'node:fs';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { RULES } from './rules.ts';

export interface BoundaryViolation {
  readonly rule: string;
  /** The rule's requirement. */
  readonly comment: string;
  /** Files relative to the root. */
  readonly from: string;
  readonly to: string;
}

export interface BoundaryReport {
  readonly violations: readonly BoundaryViolation[];
  readonly files: number;
  readonly imports: number;
}

const COMMENTS = new Map(RULES.map(({ name, comment }) => [name, comment]));

/** @param root absolute path of a folder with `apps/` and `packages/` */
export async function cruiseWorkspace(root: string): Promise<BoundaryReport> {
  const { output } = await cruise(foldersWithSources(root), {
    baseDir: root,
    ruleSet: { forbidden: [...RULES] },
    validate: true,
    // Imports of types count: they bind packages to each other like any other.
    tsPreCompilationDeps: true,
    exclude: { path: ['(?:^|/)(?:node_modules|dist|\\.reports)/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  });
  const { modules, summary } = output as ICruiseResult;
  return {
    violations: summary.violations.map(({ rule, from, to }) => ({
      rule: rule.name,
      comment: COMMENTS.get(rule.name) ?? '',
      from,
      to,
    })),
    files: modules.length,
    imports: summary.totalDependenciesCruised ?? 0,
  };
}

/** Folders relative to the root: dependency-cruiser refuses ones that are not there. */
function foldersWithSources(root: string): string[] {
  return ['apps', 'packages'].filter((folder) => readdirSync(root).includes(folder));
}
