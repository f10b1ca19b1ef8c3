import { join } from 'node:path';
import { ROOT } from '../root.ts';
import { COLORED, type Step } from './run-step.ts';

/** A package's own script, run by this Node: the same on all systems, unlike the links in node_modules/.bin. */
function script(from: string, packageName: string, path: string): string {
  return join(from, 'node_modules', packageName, path);
}

export const TURBO = script(ROOT, 'turbo', 'bin/turbo');

/** Two at a time: what runs in a task (a compiler, a test run with servers) uses more than one core by itself. */
export const CONCURRENCY = 2;

const node = (...args: string[]): Pick<Step, 'file' | 'args'> => ({ file: process.execPath, args });

/** The slowest first, so that two lanes end at about the same time. */
export function checkSteps(): Step[] {
  const knip = script(join(ROOT, 'checks'), 'knip', 'bin/knip.js');
  const biome = script(ROOT, '@biomejs/biome', 'bin/biome');
  return [
    {
      title: 'types',
      ...node(
        TURBO,
        'run',
        'typecheck',
        `--concurrency=${CONCURRENCY}`,
        '--output-logs=errors-only',
        '--ui=stream',
        '--continue',
      ),
    },
    {
      title: 'unused code',
      ...node(knip, '--directory', ROOT, '--no-progress', '--treat-config-hints-as-errors'),
      fix: 'remove it, or say in knip.json what uses it',
    },
    { title: 'import boundaries', ...node(join(ROOT, 'checks/src/boundaries/main.ts')) },
    {
      title: 'format and lint',
      ...node(biome, 'ci', '--error-on-warnings', `--colors=${COLORED ? 'force' : 'off'}`, ROOT),
      fix: 'most of it: npx biome check --write',
    },
    { title: 'structure', ...node(join(ROOT, 'checks/src/structure/main.ts')) },
  ];
}
