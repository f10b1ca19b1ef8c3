import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StructureViolation } from './rules.ts';

/**
 * Commands that ask a public registry for a package of our name. None is there: whoever registers it runs code on the machines of all who
 * copy the command from a page, or from what a program prints.
 */
const ASKS_A_REGISTRY = new RegExp(
  `\\b(?:npx|pnpx|bunx|(?:npm|pnpm|yarn|bun)(?: run)? (?:exec|dlx|x|i|install|add|create))(?: -\\S+)* ${'@?'}carillon\\b`,
  'g',
);

/** Such commands in a page, or in what a program says. */
export function registryNames(root: string, path: string): StructureViolation[] {
  return findRegistryNames(path, readFileSync(join(root, path), 'utf8'));
}

export function findRegistryNames(path: string, text: string): StructureViolation[] {
  return (text.match(ASKS_A_REGISTRY) ?? []).map((command) => ({
    rule: 'no-registry-names',
    path,
    message: `"${command}" asks a registry for a package that is not ours: ./carillon, or a tarball`,
  }));
}
