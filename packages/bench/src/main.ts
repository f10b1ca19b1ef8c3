/**
 * `npm run bench -- [scenario ...|all] [--peers] [--repeat N] [--seconds N] [--warm-up N] [--clients N] [--json] [--out FOLDER]`
 *
 * Runs each scenario against Carillon, with `--peers` also against its peers, and the floor where the scenario has one.
 */
import { optionsOf, USAGE } from './options.ts';
import { progress, runAll } from './run/run-all.ts';

try {
  const options = optionsOf(process.argv.slice(2));
  if (options === 'help') process.stdout.write(USAGE);
  else process.exitCode = await runAll(options, `npm run bench -- ${process.argv.slice(2).join(' ')}`);
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
