import { out } from '../output/style.ts';
import type { Grade } from './grade.ts';
import type { LatencySummary } from './latencies.ts';
import type { BenchPlan } from './plan.ts';

/** Report of a run, as `--json` prints it. Durations in milliseconds. */
export interface BenchReport {
  readonly url: string;
  readonly plan: BenchPlan;
  readonly seconds: number;
  /** Ended early, by Ctrl-C. */
  readonly interrupted: boolean;
  readonly connected: number;
  /** Times that the connection of a listener ended by itself. */
  readonly disconnected: number;
  readonly failed: number;
  readonly published: {
    readonly accepted: number;
    readonly refused: number;
    /** Publishes without an answer: they may have been accepted or not. */
    readonly unanswered: number;
    readonly perSecond: number;
  };
  readonly delivered: { readonly count: number; readonly perSecond: number };
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly deliveryMs: LatencySummary;
  /** From the first packet until subscribed. */
  readonly connectMs: LatencySummary;
  /** Of the process of the gateway that answered; absent where its metrics can't be read. */
  readonly server: { readonly cpuUsPerDelivery: number; readonly rssBytes: number } | undefined;
  readonly grade: Grade;
  readonly problems: readonly string[];
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
const count = (value: number): string => Math.round(value).toLocaleString('en-US');

const FIGURES = ['min', 'avg', 'p50', 'p95', 'p99', 'max'] as const;
/** The figures that matter most, shown in bold. */
const STRONG: ReadonlySet<string> = new Set(['avg', 'p99']);
const FIGURE_WIDTH = 9;

/** Under the names of FIGURES. */
function latencies(summary: LatencySummary): string {
  if (summary.count === 0) return out.red('nothing was delivered');
  return FIGURES.map((name) => {
    const text = ms(summary[name]).padStart(FIGURE_WIDTH);
    return STRONG.has(name) ? out.bold(text) : text;
  }).join('');
}

function graded(grade: Grade): string {
  if (grade === 'poor') return out.red(grade);
  return grade === 'fair' ? out.yellow(grade) : out.green(grade);
}

const some = (value: number, what: string): string => `${count(value)} ${what}${value === 1 ? '' : 's'}`;

/** Upper bound of deliveries per second: publish rate times subscribers per channel. */
function deliveriesAsked({ ratePerSecond, clients, channels }: BenchPlan): string {
  return ratePerSecond === undefined
    ? ''
    : ` of ${count((ratePerSecond * clients) / channels.length)}/s asked for`;
}

const GRADES = [
  'excellent: avg < 10 ms and > 1000 deliveries/s',
  'good: avg < 50 ms and > 500; fair: avg < 100 ms and > 100',
] as const;

/** Summary of the plan, on a line of its own below the address: the address alone can fill a line. */
function planText({ plan, connected, seconds, interrupted }: BenchReport): string {
  const parts = [
    some(connected, 'client'),
    some(plan.channels.length, 'channel'),
    some(plan.publishers, 'publisher'),
    `${plan.payloadBytes} B`,
    `${seconds.toFixed(1)} s`,
    ...(interrupted ? ['interrupted'] : []),
  ];
  return parts.join(', ');
}

/** For people, at a terminal of 80 columns. */
export function reportText(report: BenchReport): string {
  const { published, delivered, lost, duplicated, reordered, server } = report;
  const row = (name: string, value: string): string => `  ${out.dim(name.padEnd(13))}${value}`;
  const faults = `${count(lost)} lost, ${count(duplicated)} doubled, ${count(reordered)} out of order`;
  return [
    '',
    `  ${out.bold(report.url)}`,
    `  ${planText(report)}`,
    '',
    row('', out.dim(FIGURES.map((name) => name.padStart(FIGURE_WIDTH)).join(''))),
    row('delivery', latencies(report.deliveryMs)),
    row('connecting', latencies(report.connectMs)),
    row(
      'published',
      `${count(published.accepted)} accepted, ${count(published.perSecond)}/s, ${count(published.refused)} refused`,
    ),
    ...(published.unanswered === 0
      ? []
      : [row('', out.red(`${count(published.unanswered)} without an answer`))]),
    row(
      'delivered',
      `${count(delivered.count)}, ${out.bold(`${count(delivered.perSecond)}/s`)}${deliveriesAsked(report.plan)}`,
    ),
    row('faults', lost + duplicated + reordered === 0 ? out.green(faults) : out.red(faults)),
    row(
      'gateway',
      server === undefined || delivered.count === 0
        ? out.dim('no metrics: not open here, started anew, or nothing was delivered')
        : `${server.cpuUsPerDelivery.toFixed(1)} µs of CPU per delivery, ${(server.rssBytes / 2 ** 20).toFixed(0)} MiB, its whole process`,
    ),
    row('grade', graded(report.grade)),
    ...GRADES.map((line) => row('', out.dim(line))),
    ...(report.disconnected === 0
      ? []
      : [row('disconnected', out.red(`${count(report.disconnected)} times`))]),
    ...(report.failed === 0
      ? []
      : [row('failed', out.red(`${count(report.failed)} clients could not connect`))]),
    ...report.problems.map((problem) => row('', out.red(problem))),
    '',
  ].join('\n');
}
