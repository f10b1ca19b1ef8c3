import { parseArgs } from 'node:util';
import { SCENARIOS } from './scenarios/catalogue.ts';
import type { Scenario, Size, Timing } from './scenarios/scenario.ts';
import { SWEEPS } from './sweeps/catalogue.ts';
import type { Sweep } from './sweeps/sweep.ts';

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly sweeps: readonly Sweep[];
  readonly timing: Timing;
  readonly size: Size;
  readonly peers: boolean;
  readonly repeat: number;
  readonly json: boolean;
  /** Results go here instead of to the repository, and docs/performance.md stays as it is. */
  readonly out: string | undefined;
  /** Folder of another checkout, for scenarios that can measure it in turns with this one. */
  readonly other: string | undefined;
}

/** Scenarios of the table of goals; the others say what a setting costs. */
const GOALS = SCENARIOS.filter(({ row }) => row !== '');
const CHOICES = SCENARIOS.filter(({ row }) => row === '');

function namesOf(list: readonly { readonly name: string }[]): string {
  return list.map(({ name }) => name).join(', ');
}

export const USAGE = `npm run bench -- [scenario ...|all|choices] [sweep ...|scale] [options]

  --peers         measure the peers, too
  --repeat N      rounds; medians are shown (default 1)
  --seconds N     measured time of a round (default 8)
  --warm-up N     before it (default 3)
  --clients N     connections instead of what the scenario says; needs --out
  --other FOLDER  another checkout, installed, in turns with this one (single); needs --out
  --json          JSON instead of tables
  --out FOLDER    results go there; without it to packages/bench/results and docs/performance.md

all: ${namesOf(GOALS)}
choices: ${namesOf(CHOICES)}
sweeps: ${namesOf(SWEEPS)}
`;

/** @throws Error with what is wrong */
export function optionsOf(args: readonly string[]): Options | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      peers: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      repeat: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '8' },
      'warm-up': { type: 'string', default: '3' },
      clients: { type: 'string' },
      out: { type: 'string' },
      other: { type: 'string' },
    },
  });
  if (values.help) return 'help';
  if (values.clients !== undefined && values.out === undefined)
    throw new Error('--clients is not what the scenario says: its results need a place of their own, --out');
  if (values.other !== undefined && values.out === undefined)
    throw new Error('--other is no result of this checkout: it needs a place of its own, --out');
  return {
    ...chosen(positionals),
    timing: {
      seconds: numberOf(values, 'seconds', 1, 300),
      warmUpSeconds: numberOf(values, 'warm-up', 1, 300),
    },
    // Above 20,000 the connections don't fit into the file descriptors of usual systems.
    size: values.clients === undefined ? {} : { clients: numberOf(values, 'clients', 1, 20_000) },
    peers: values.peers,
    repeat: numberOf(values, 'repeat', 1, 20),
    json: values.json,
    out: values.out,
    other: values.other,
  };
}

/** Without names: all with a goal. What choices cost, and the sweeps, only by name, or by `choices` and `scale`. */
function chosen(names: readonly string[]): Pick<Options, 'scenarios' | 'sweeps'> {
  const known = ['all', 'choices', 'scale', ...[...SCENARIOS, ...SWEEPS].map(({ name }) => name)];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`no such scenario: ${unknown.join(', ')}. There are: ${known.join(', ')}`);
  const wanted = new Set<string>(names);
  if (names.length === 0 || names.includes('all')) for (const { name } of GOALS) wanted.add(name);
  if (names.includes('choices')) for (const { name } of CHOICES) wanted.add(name);
  return {
    scenarios: SCENARIOS.filter(({ name }) => wanted.has(name)),
    sweeps: SWEEPS.filter(({ name }) => names.includes('scale') || names.includes(name)),
  };
}

function numberOf(
  values: Readonly<Record<string, unknown>>,
  option: string,
  min: number,
  max: number,
): number {
  const value = Number(values[option]);
  if (!(Number.isInteger(value) && value >= min && value <= max))
    throw new Error(`--${option} must be a whole number from ${min} to ${max}, not '${values[option]}'`);
  return value;
}
