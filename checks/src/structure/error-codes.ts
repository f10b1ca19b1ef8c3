import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface UsedCode {
  readonly code: string;
  /** Relative to the root. */
  readonly path: string;
}

/** A product source: what runs at somebody's, not what tests or measures it. */
const PRODUCT_SOURCE =
  /^(?:apps|packages\/(?!(?:bench|e2e|testing)\/)).*\/src\/.*(?<!\.(?:test|suite))\.tsx?$/;

/** `code = 'X'`, `code: 'X'`, `code === 'X'`, and the first argument of what is called an error. */
const CODE = /\bcode\??\s*(?:=|:|===|!==)\s*'([A-Z]+(?:_[A-Z]+)*)'|Error\(\s*'([A-Z]+(?:_[A-Z]+)+)'/g;

export const isProductSource = (path: string): boolean => PRODUCT_SOURCE.test(path);

export function errorCodesIn(text: string): string[] {
  return [...text.matchAll(CODE)].map(([, assigned, argument]) => (assigned ?? argument)!);
}

export function usedErrorCodes(root: string, paths: readonly string[]): UsedCode[] {
  return paths
    .filter(isProductSource)
    .flatMap((path) => errorCodesIn(readFileSync(join(root, path), 'utf8')).map((code) => ({ code, path })));
}
