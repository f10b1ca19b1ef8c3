import { delimiter, dirname, join } from 'node:path';
import { homeIsWritable } from './home.mjs';
import { ROOT, TOOLS } from './places.mjs';

/** Variables that npm sets for its script; they would mislead a program started from it. */
const SET_BY_NPM = /^(npm_(lifecycle|package|command|execpath|node_execpath)|INIT_CWD$|NODE$)/;

/**
 * The environment for the tools and for Carillon: ours, with the fetched Node and pnpm found first.
 *
 * @param {{ node: string, pnpm: string }} tools absolute paths of the executables
 * @returns {NodeJS.ProcessEnv}
 */
export function toolEnvironment({ node, pnpm }) {
  const kept = Object.entries(process.env).filter(([name]) => !SET_BY_NPM.test(name));
  const bins = [dirname(node), dirname(pnpm), join(ROOT, 'node_modules', '.bin')];
  // Many programs colour their output when CI is set, also in a log file.
  const plain = !process.stdout.isTTY && process.env.FORCE_COLOR === undefined;
  return {
    ...(plain ? { NO_COLOR: '1' } : {}),
    ...Object.fromEntries(kept),
    PATH: [...bins, process.env.PATH].join(delimiter),
    // The bootstrap has picked the pnpm that packageManager pins; pnpm need not look for it again.
    pnpm_config_pm_on_fail: 'ignore',
    ...(homeIsWritable() ? {} : { pnpm_config_store_dir: join(TOOLS, 'pnpm-store') }),
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
  };
}
