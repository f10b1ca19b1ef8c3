import { out } from '../output/style.ts';
import type { Grade } from './grade.ts';
import type { LatencySummary } from './latencies.ts';
import type { BenchPlan } from './plan.ts';

/** What a run printed as JSON is. Durations in milliseconds. */
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
    /** Nobody can say whether they got in. */
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

function latencies({ count: measured, min, avg, p50, p95, p99, max }: LatencySummary): string {
  if (measured === 0) return out.red('nothing was delivered');
  return `min ${ms(min)}  avg ${out.bold(ms(avg))}  p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${out.bold(ms(p99))}  max ${ms(max)}`;
}

function graded(grade: Grade): string {
  if (grade === 'poor') return out.red(grade);
  return grade === 'fair' ? out.yellow(grade) : out.green(grade);
}

const some = (value: number, what: string): string => `${count(value)} ${what}${value === 1 ? '' : 's'}`;

/** What the rate and the listeners come to: no run can have more. */
function deliveriesAsked({ ratePerSecond, clients, channels }: BenchPlan): string {
  return ratePerSecond === undefined
    ? ''
    : ` of ${count((ratePerSecond * clients) / channels.length)}/s asked for`;
}

const GRADES = 'excellent: avg < 10 ms and > 1000 deliveries/s; good: < 50 and > 500; fair: < 100 and > 100';

/** For people. */
export function reportText(report: BenchReport): string {
  const { plan, published, delivered, lost, duplicated, reordered, server } = report;
  const row = (name: string, value: string): string => `  ${out.dim(name.padEnd(13))}${value}`;
  const faults = `${count(lost)} lost, ${count(duplicated)} doubled, ${count(reordered)} out of order`;
  return [
    '',
    `  ${out.bold(report.url)}  ${some(report.connected, 'client')}, ${some(plan.channels.length, 'channel')}, ${some(plan.publishers, 'publisher')}, ${plan.payloadBytes} B, ${report.seconds.toFixed(1)} s${report.interrupted ? ', interrupted' : ''}`,
    '',
    row('delivery', latencies(report.deliveryMs)),
    row('connecting', latencies(report.connectMs)),
    row(
      'published',
      `${count(published.accepted)} accepted, ${count(published.perSecond)}/s, ${count(published.refused)} refused${published.unanswered === 0 ? '' : `, ${out.red(`${count(published.unanswered)} without an answer`)}`}`,
    ),
    row(
      'delivered',
      `${count(delivered.count)}, ${out.bold(`${count(delivered.perSecond)}/s`)}${deliveriesAsked(plan)}`,
    ),
    row('faults', lost + duplicated + reordered === 0 ? out.green(faults) : out.red(faults)),
    row(
      'gateway',
      server === undefined || delivered.count === 0
        ? out.dim('no metrics: they are not open here, it was started anew, or nothing was delivered')
        : `${server.cpuUsPerDelivery.toFixed(1)} µs of CPU per delivery, ${(server.rssBytes / 2 ** 20).toFixed(0)} MiB, of its process`,
    ),
    row('grade', `${graded(report.grade)}  ${out.dim(GRADES)}`),
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
