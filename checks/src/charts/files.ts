import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { observabilityFiles } from '../observability/files.ts';
import { ROOT } from '../root.ts';
import { charts, HELM } from './charts.ts';
import { valuesReference } from './reference.ts';
import { chartFiles } from './render.ts';

/** Text of every file that is generated for the charts, by its path from the root. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const all = charts();
  const files = all.flatMap((chart) =>
    Object.entries(chartFiles(chart)).map(([file, text]): [string, string] => [
      `${HELM}/${chart.name}/${file}`,
      text,
    ]),
  );
  return new Map([
    ...files,
    ['docs/reference/helm-values.md', valuesReference(all)],
    ...observabilityFiles(),
  ]);
}

export function writeGeneratedFiles(): void {
  for (const [path, text] of generatedFiles()) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
  }
}

/** Paths of generated files that are not what the declarations give. */
export function outdatedFiles(): readonly string[] {
  return [...generatedFiles()]
    .filter(
      ([path, text]) => !existsSync(join(ROOT, path)) || readFileSync(join(ROOT, path), 'utf8') !== text,
    )
    .map(([path]) => path);
}
