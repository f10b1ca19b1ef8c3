/** Writes the newest results into docs/performance.md; what stands outside of the two marks is written by hand. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SCENARIOS } from '../scenarios/catalogue.ts';
import type { Result } from '../scenarios/scenario.ts';
import { RESULTS, type RecordedRun } from './results-file.ts';

const PAGE = fileURLToPath(new URL('../../../../docs/performance.md', import.meta.url));
const BEGIN = '<!-- results: written by `npm run bench`, do not edit -->';
const END = '<!-- end of results -->';

const us = (value: number): string =>
  value >= 1000 ? `${(value / 1000).toFixed(2)} ms` : `${value.toFixed(value < 10 ? 2 : 0)} µs`;
const count = (value: number): string => Math.round(value).toLocaleString('en-US');

function row(result: Result, base: Result, floorUs: number | undefined): string {
  const { latencyUs, lost, duplicated, reordered } = result;
  const cells = [
    result.target,
    count(result.unitsPerSecond),
    us(result.cpuPerUnitUs),
    (result.cpuPerUnitUs / base.cpuPerUnitUs).toFixed(2),
    floorUs === undefined ? '' : (result.cpuPerUnitUs / floorUs).toFixed(2),
    us(latencyUs.p50),
    us(latencyUs.p99),
    `${lost} / ${duplicated} / ${reordered}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function section(run: RecordedRun): string {
  const [base] = run.results;
  if (base === undefined) return '';
  const { unit } = base;
  const lines = [
    `### \`${run.scenario}\` (${run.row})`,
    '',
    `${run.title}. ${run.timing.seconds} s measured after ${run.timing.warmUpSeconds} s of warm-up, ${run.at.slice(0, 10)}, commit ${run.commit}, ` +
      `${run.machine.cores} cores (${run.machine.cpu}), Node ${run.machine.node}: \`${run.command}\``,
    '',
    `| | per second | CPU per ${unit} | x ${base.target} | x floor | p50 | p99 | lost / doubled / out of order |`,
    '|---|---|---|---|---|---|---|---|',
    ...run.results.map((result) => row(result, base, run.floorUs)),
  ];
  if (run.floorUs !== undefined)
    lines.push('', `Floor, a loop of write(2) in C: ${us(run.floorUs)} per ${unit}.`);
  return lines.join('\n');
}

/** Reads all recorded runs, in the order of the catalogue. Returns the path written. */
export function writePerformancePage(): string {
  const files = new Set(readdirSync(RESULTS));
  const runs = SCENARIOS.filter(({ name }) => files.has(`${name}.json`)).map(
    ({ name }) => JSON.parse(readFileSync(`${RESULTS}${name}.json`, 'utf8')) as RecordedRun,
  );
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has lost its marks '${BEGIN}' and '${END}'`);
  const body = runs.map(section).join('\n\n');
  writeFileSync(PAGE, `${page.slice(0, begin)}${BEGIN}\n\n${body}\n\n${page.slice(end)}`);
  return PAGE;
}
