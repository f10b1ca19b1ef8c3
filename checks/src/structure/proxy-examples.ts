import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StructureViolation } from './rules.ts';

/** The end-to-end tests run these: an example that is in none of them was never tried. */
const FOLDER = 'infra/proxies';
const EXAMPLE = /^```(?:nginx|haproxy)\n([\s\S]*?)^```$/gm;

/** Examples for nginx and HAProxy in a page that no tested configuration has. */
export function untestedExamples(root: string, page: string): StructureViolation[] {
  const configurations = readdirSync(join(root, FOLDER)).map((name) =>
    withoutIndent(readFileSync(join(root, FOLDER, name), 'utf8')),
  );
  return [...readFileSync(join(root, page), 'utf8').matchAll(EXAMPLE)].flatMap(([, example]) =>
    configurations.some((configuration) => configuration.includes(withoutIndent(example!)))
      ? []
      : [
          {
            rule: 'tested-example',
            path: page,
            message: `no file of ${FOLDER} has "${firstLine(example!)}" as it is here`,
          },
        ],
  );
}

/** An example may stand deeper in the file than in the page. */
function withoutIndent(text: string): string {
  return text.trim().replaceAll(/^[ \t]+/gm, '');
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]!;
}
