/**
 * `npm run bench -- [scenario ...|all] [--peers] [--repeat N] [--seconds N] [--warm-up N] [--clients N] [--json] [--out FOLDER]`
 *
 * Runs each scenario against Carillon, with `--peers` also against its peers, and the floor where the scenario has one.
 */
import { whileStarting } from '@carillon/testing';
import { optionsOf, USAGE } from './options.ts';
import { progress, runAll } from './run/run-all.ts';

async function main(signal: AbortSignal): Promise<number> {
  try {
    const options = optionsOf(process.argv.slice(2));
    if (options !== 'help')
      return await runAll(options, `npm run bench -- ${process.argv.slice(2).join(' ')}`, signal);
    process.stdout.write(USAGE);
    return 0;
  } catch (error) {
    progress(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

// Not only the exit code: what was given up may still be under way.
process.exit(await whileStarting(main, { say: progress }));
