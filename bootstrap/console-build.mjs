import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapFailure } from './failure.mjs';
import { ROOT, TOOLS } from './places.mjs';
import { step } from './progress.mjs';
import { runQuietly } from './run-quietly.mjs';
import { digestOfState, sourcesBelow, stampIs, writeStamp } from './stamp.mjs';
import { TURBO } from './turbo.mjs';

const STAMP = join(TOOLS, 'console-build.stamp');
const PAGE = join(ROOT, 'apps', 'console', 'dist', 'index.html');
const SOURCES = ['apps/console', 'packages/client', 'packages/protocol', 'docs/concepts', 'docs/guides'];

/**
 * Builds the web console if its sources, or those of the packages in it, have changed since the last build.
 *
 * @param {import('./prepare.mjs').Toolbox} toolbox
 */
export async function buildConsole({ node, env }) {
  const files = SOURCES.flatMap((folder) => sourcesBelow(join(ROOT, folder)));
  const digest = digestOfState([...files, join(ROOT, 'pnpm-lock.yaml')]);
  if (existsSync(PAGE) && stampIs(STAMP, digest)) return;
  await step('Building the web console', async (note) => {
    const args = [
      TURBO,
      'run',
      'build',
      '--filter=@carillon/console',
      '--ui=stream',
      '--output-logs=new-only',
    ];
    const { status, output } = await runQuietly(node, args, { cwd: ROOT, env, onLine: note });
    if (status !== 0) {
      throw new BootstrapFailure(
        'The web console could not be built.',
        'The compiler says why below.',
        output,
      );
    }
  });
  writeStamp(STAMP, digest);
}
