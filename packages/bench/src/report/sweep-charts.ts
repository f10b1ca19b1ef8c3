/** Draws what the sweeps measured into docs/images, and the section of docs/performance.md that shows them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SWEEPS } from '../sweeps/catalogue.ts';
import type { SweepPoint, SweepRun } from '../sweeps/sweep.ts';
import { type Origin, RESULTS } from './results-file.ts';
import { chart, type Panel, type Series } from './svg-chart.ts';
import { us } from './units.ts';

const IMAGES = fileURLToPath(new URL('../../../../docs/images/', import.meta.url));
/** Lower end of the logarithmic axis, which has no 0: CPU below one tick of the kernel's clock is measured as 0. */
const LEAST_US = 0.001;

export type RecordedSweep = Origin & SweepRun;

/** Where the time went, by kind of process. */
const GROUPS: readonly { readonly name: string; readonly has: (process: string) => boolean }[] = [
  { name: 'all', has: () => true },
  { name: 'gateways', has: (name) => name.startsWith('gateway') },
  { name: 'Redis', has: (name) => name === 'redis' },
  { name: 'storing', has: (name) => name === 'persistence' || name === 'postgres' },
];

function cpuOf({ result }: SweepPoint, has: (process: string) => boolean): number {
  const used = Object.entries(result.cpuByProcessUs).filter(([name]) => has(name));
  return Math.max(LEAST_US, used.reduce((sum, [, cpuUs]) => sum + cpuUs, 0) / result.units);
}

function panelsOf({ axis, points }: SweepRun): readonly Panel[] {
  const unit = points[0]!.result.unit;
  const seriesOf = (name: string, figure: (point: SweepPoint) => number): Series => ({
    name,
    points: points.map((point) => [point.value, figure(point)]),
  });
  return [
    {
      xLabel: axis,
      yLabel: `CPU, µs per ${unit}`,
      series: GROUPS.map(({ name, has }) => seriesOf(name, (point) => cpuOf(point, has))),
    },
    {
      xLabel: axis,
      yLabel: 'latency, ms',
      series: [
        seriesOf('p50', ({ result }) => result.latencyUs.p50 / 1000),
        seriesOf('p99', ({ result }) => result.latencyUs.p99 / 1000),
      ],
    },
  ];
}

function sweepSvg(run: SweepRun): string {
  return chart(run.title, panelsOf(run));
}

function table({ axis, points }: SweepRun): readonly string[] {
  const unit = points[0]!.result.unit;
  const cpu = GROUPS.map(({ name }) => (name === 'all' ? `CPU per ${unit}` : `of it ${name}`));
  return [
    `| ${axis} | per second | ${cpu.join(' | ')} | p50 | p99 | lost / doubled / out of order |`,
    `|---|---|${cpu.map(() => '---|').join('')}---|---|---|`,
    ...points.map((point) => {
      const { result, value } = point;
      const parts = GROUPS.map(({ has }) => us(cpuOf(point, has)));
      const faults = `${result.lost} / ${result.duplicated} / ${result.reordered}`;
      return `| ${value.toLocaleString('en-US')} | ${Math.round(result.unitsPerSecond).toLocaleString('en-US')} | ${parts.join(' | ')} | ${us(result.latencyUs.p50)} | ${us(result.latencyUs.p99)} | ${faults} |`;
    }),
  ];
}

/** Draws all recorded sweeps. Returns the lines for the page. */
export function drawSweeps(results = RESULTS, images = IMAGES): readonly string[] {
  mkdirSync(images, { recursive: true });
  const sections = SWEEPS.flatMap(({ name }) => {
    const file = join(results, `${name}.json`);
    if (!existsSync(file)) return [];
    const run = JSON.parse(readFileSync(file, 'utf8')) as RecordedSweep;
    if (run.points.length === 0) return [];
    writeFileSync(join(images, `${name}.svg`), sweepSvg(run));
    const how = `${run.timing.seconds} s each, ${run.at.slice(0, 10)}, commit ${run.commit}, ${run.machine.cores} cores (${run.machine.cpu}): \`${run.command}\``;
    return [
      '',
      `#### \`${name}\``,
      '',
      `${run.title}. ${how}`,
      '',
      `![${run.title}](images/${name}.svg)`,
      '',
      ...table(run),
    ];
  });
  return sections.length === 0 ? [] : ['### How cost grows', ...sections];
}
