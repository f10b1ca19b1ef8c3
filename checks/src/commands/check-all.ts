/** `npm run check`: formatting, lint, types, import boundaries, unused code, structure. */
import pc from 'picocolors';
import { runSteps } from './run-step.ts';
import { CONCURRENCY, checkSteps } from './tools.ts';

const startedAt = Date.now();
const results = await runSteps(checkSteps(), CONCURRENCY);
const failed = results.filter(({ ok }) => !ok).map(({ step }) => step.title);
const time = pc.dim(`${((Date.now() - startedAt) / 1000).toFixed(1)}s`);
if (failed.length > 0) {
  console.log(
    `\n${pc.red(`${failed.length} of ${results.length} checks failed: ${failed.join(', ')}`)} ${time}`,
  );
  process.exitCode = 1;
} else {
  console.log(`\n${pc.green(`${results.length} checks passed`)} ${time}`);
}
