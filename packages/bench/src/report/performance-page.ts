/** Writes the newest results into docs/performance.md; what stands outside of the two marks is written by hand. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Range, Summed } from '../run/repeats.ts';
import { SCENARIOS } from '../scenarios/catalogue.ts';
import { floorText, relayOf } from './floor-text.ts';
import { RESULTS, type RecordedRun } from './results-file.ts';
import { summary } from './summary.ts';
import { drawSweeps } from './sweep-charts.ts';
import { count, ratio, us } from './units.ts';

const PAGE = fileURLToPath(new URL('../../../../docs/performance.md', import.meta.url));
/** Kept of an hour in which the machine was faster. */
const GOOD_HOUR = `${RESULTS}good-hour/`;
const BEGIN = '<!-- results: written by `npm run bench`, do not edit -->';
const END = '<!-- end of results -->';

const range = ({ min, max }: Range, text: (value: number) => string): string =>
  min === max ? '' : `<br>${text(min)} … ${text(max)}`;

function row(result: Summed, base: Summed, floorUs: number | undefined): string {
  const { latencyUs, lost, duplicated, reordered, spread } = result;
  const cells = [
    result.target,
    count(result.unitsPerSecond) + range(spread.unitsPerSecond, count),
    us(result.cpuPerUnitUs) + range(spread.cpuPerUnitUs, us),
    ratio(result.cpuPerUnitUs, base.cpuPerUnitUs),
    floorUs === undefined ? '' : ratio(result.cpuPerUnitUs, floorUs),
    us(latencyUs.p50) + range(spread.p50Us, us),
    us(latencyUs.p99) + range(spread.p99Us, us),
    `${lost} / ${duplicated} / ${reordered}`,
    us(result.loadCpuPerUnitUs),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** CPU per unit by process, to see where an improvement pays. */
function byProcess({ target, cpuByProcessUs, units, unit, repeats }: Summed): string {
  const perUnit = Object.entries(cpuByProcessUs).map(([name, cpuUs]) => `${name} ${us(cpuUs / units)}`);
  const rounds = repeats.length === 1 ? '' : ` (medians of ${repeats.length} rounds)`;
  return `CPU of ${target} per ${unit}: ${perUnit.join(', ')}${rounds}.`;
}

/** Figures shown below the table, by name. */
const FIGURES: readonly {
  readonly name: string;
  readonly title: string;
  readonly show: (value: number) => string;
}[] = [
  { name: 'bytesPerDelivery', title: 'Bytes per delivery on the wire', show: count },
  { name: 'exportedKb', title: 'kB of spans exported, warm-up included', show: count },
  { name: 'scrapes', title: 'Times that the metrics of a service were read', show: count },
];

/** Where there are several ways to do the same. */
function figures({ results }: RecordedRun): readonly string[] {
  if (results.length < 2) return [];
  return FIGURES.flatMap(({ name, title, show }) => {
    const told = results.flatMap(({ target, figures: all = {} }) =>
      all[name] === undefined ? [] : [`${target} ${show(all[name])}`],
    );
    return told.length === 0 ? [] : ['', `${title}: ${told.join('; ')}.`];
  });
}

function floorLines({ results, floorUs }: RecordedRun, unit: Summed['unit']): readonly string[] {
  if (floorUs === undefined) return [];
  const relay = relayOf(results);
  const parts = relay === undefined ? '' : ` ${byProcess(relay)}`;
  return ['', `Floor, ${floorText(results)}: ${us(floorUs)} per ${unit}.${parts}`];
}

/** Of one scenario. */
export function section(run: RecordedRun): string {
  const [base] = run.results;
  if (base === undefined) return '';
  const { unit } = base;
  const lines = [
    `### \`${run.scenario}\`${run.row === '' ? '' : ` (${run.row})`}`,
    '',
    `${run.title}. ${run.timing.seconds} s measured after ${run.timing.warmUpSeconds} s of warm-up, ${base.repeats.length} round(s), ${run.at.slice(0, 10)}, commit ${run.commit}, ` +
      `${run.machine.cores} cores (${run.machine.cpu}), Node ${run.machine.node}: \`${run.command}\``,
    '',
    `| | per second | CPU per ${unit} | x ${base.target} | x floor | p50 | p99 | lost / doubled / out of order | load's CPU |`,
    '|---|---|---|---|---|---|---|---|---|',
    ...run.results.map((result) => row(result, base, run.floorUs)),
    '',
    byProcess(base),
    ...figures(run),
  ];
  lines.push(...floorLines(run, unit));
  for (const failure of run.failures) lines.push('', `Failed: ${failure.split('\n')[0]}`);
  return lines.join('\n');
}

/** All recorded runs of a folder, in the order of the catalogue. */
function readRuns(folder: string): readonly RecordedRun[] {
  const files = new Set(readdirSync(folder));
  return SCENARIOS.filter(({ name }) => files.has(`${name}.json`)).map(
    ({ name }) => JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8')) as RecordedRun,
  );
}

/** Writes what is recorded into the page. Returns the page's path. */
export function writePerformancePage(): string {
  const runs = readRuns(RESULTS);
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has lost its marks '${BEGIN}' and '${END}'`);
  const grows = drawSweeps().join('\n');
  const body = [
    summary(runs, readRuns(GOOD_HOUR)),
    ...runs.map(section),
    ...(grows === '' ? [] : [grows]),
  ].join('\n\n');
  writeFileSync(PAGE, `${page.slice(0, begin)}${BEGIN}\n\n${body}\n\n${page.slice(end)}`);
  return PAGE;
}
