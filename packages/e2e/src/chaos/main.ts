/**
 * `npm run chaos -- --help` shows the options.
 *
 * Random faults against steady traffic. The seed makes the plan; the same seed, or the plan that a run has written, makes the same
 * faults again. Ends with 0 when no guarantee was violated.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whileStarting } from '@carillon/testing';
import type { Verdict } from '../check/check.ts';
import { INVARIANTS } from '../check/verdict.ts';
import { makePlan, type Plan, parsePlan } from './plan.ts';
import { runChaos } from './run-chaos.ts';

const MAX_MINUTES = 24 * 60;
/** Services that are busy may take their time to end; what there is to look into is named after that. */
const END_PATIENCE_MS = 40_000;

interface Options {
  readonly plan: Plan;
  readonly keep: boolean;
}

function number(text: string, option: string, max: number): number {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  throw new Error(`${option} must be a number above 0 and up to ${max}, not '${text}'`);
}

const USAGE = `Random faults against steady traffic, judged at the end. Exit code: 0 no guarantee was violated, 1 one was, 2 wrong options.

npm run chaos -- [options]
  --minutes <n>   how long, 5 by default
  --seed <n>      makes the plan; the same seed makes the same faults again
  --plan <file>   the plan that a run has written, instead of a seed
  --redis-loss    Redis loses acknowledged data, too
  --cluster       on a Redis Cluster
  --single        on a single process, as npm start runs it: killed, stopped, frozen
  --power-loss    with --single: its journal loses what was written last, too
  --keep          keep the histories although nothing was violated`;

/** `undefined`: only help is wanted. */
function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
      plan: { type: 'string' },
      'redis-loss': { type: 'boolean', default: false },
      cluster: { type: 'boolean', default: false },
      single: { type: 'boolean', default: false },
      'power-loss': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { single, cluster, 'redis-loss': redisLoss, 'power-loss': powerLoss } = values;
  if (single && (cluster || redisLoss))
    throw new Error('--single has no Redis: leave out --cluster and --redis-loss');
  if (powerLoss && !single) throw new Error('--power-loss goes with --single');
  const plan =
    values.plan === undefined
      ? makePlan({
          seed: number(values.seed, '--seed', 2 ** 32),
          durationMs: Math.round(number(values.minutes, '--minutes', MAX_MINUTES) * 60_000),
          redisLoss: redisLoss || powerLoss,
          ...{ cluster, single },
        })
      : parsePlan(readFileSync(values.plan, 'utf8'));
  return { plan, keep: values.keep };
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function shownSetting({ single, cluster, redisLoss }: Plan): string {
  if (single) return `, single process${redisLoss ? ' that loses power' : ''}`;
  return `${cluster ? ', Redis Cluster' : ''}${redisLoss ? ', Redis loses data' : ''}`;
}

function sayVerdict({ violations, violated, faults, ...counts }: Verdict): void {
  say('');
  for (const [fault, times] of Object.entries(faults).toSorted())
    say(`${String(times).padStart(6)}  ${fault}`);
  const { accepted, refused, unknown, deliveries, recovered, stored, worstRecoveryMs } = counts;
  say(
    `\n${accepted} messages accepted, ${refused} refused, ${unknown} unknown; ${deliveries} deliveries, ${recovered} recoveries, ${stored} stored; worst recovery ${Math.round(worstRecoveryMs)} ms`,
  );
  for (const { invariant, text } of violations) say(`VIOLATED ${INVARIANTS[invariant]}: ${text}`);
  const kinds = Object.entries(violated).map(([invariant, times]) => `${invariant} ${times}`);
  say(kinds.length === 0 ? 'No guarantee was violated.' : `Violations: ${kinds.join(', ')}`);
}

/** Wrong options are told in a line, not with a stack. */
function optionsOrExit(): Options {
  try {
    const options = readOptions();
    if (options !== undefined) return options;
    say(USAGE);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`);
    process.exit(2);
  }
  process.exit(0);
}

async function main({ plan, keep }: Options, signal: AbortSignal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-chaos-'));
  say(
    `seed ${plan.seed}, ${plan.durationMs / 60_000} min${shownSetting(plan)}; plan and histories: ${folder}`,
  );
  const sayWhere = (what: string): void =>
    say(`${what} is in ${folder}; again: npm run chaos -- --plan ${join(folder, 'plan.json')}`);
  try {
    const verdict = await runChaos({ plan, folder, say, signal });
    sayVerdict(verdict);
    const failed = verdict.violations.length > 0;
    if (failed) sayWhere('Everything to look into');
    else if (!keep) rmSync(folder, { recursive: true });
    return failed ? 1 : 0;
  } catch (error) {
    sayWhere('Nothing was judged. What there is up to here');
    throw error;
  }
}

// Not only the exit code: a connection that a fault has left open must not hold the process.
const options = optionsOrExit();
process.exit(await whileStarting((signal) => main(options, signal), { say, patienceMs: END_PATIENCE_MS }));
