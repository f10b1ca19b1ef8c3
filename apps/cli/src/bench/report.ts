import { out } from '../output/style.ts';
import type { Grade } from './grade.ts';
import type { LatencySummary } from './latencies.ts';
import type { BenchPlan } from './plan.ts';

/** What a run printed as JSON is. Durations in milliseconds. */
export interface BenchReport {
  readonly url: string;
  readonly plan: BenchPlan;
  readonly seconds: number;
  readonly connected: number;
  readonly failed: number;
  readonly published: { readonly accepted: number; readonly refused: number; readonly perSecond: number };
  readonly delivered: { readonly count: number; readonly perSecond: number };
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly deliveryMs: LatencySummary;
  /** From the first packet until subscribed. */
  readonly connectMs: LatencySummary;
  /** Of the gateway that answered; absent where its metrics can't be read. */
  readonly server: { readonly cpuUsPerDelivery: number; readonly rssBytes: number } | undefined;
  readonly grade: Grade;
  readonly problems: readonly string[];
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
const count = (value: number): string => Math.round(value).toLocaleString('en-US');

function latencies({ min, avg, p50, p95, p99, max }: LatencySummary): string {
  return `min ${ms(min)}  avg ${out.bold(ms(avg))}  p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${out.bold(ms(p99))}  max ${ms(max)}`;
}

function graded(grade: Grade): string {
  if (grade === 'poor') return out.red(grade);
  return grade === 'fair' ? out.yellow(grade) : out.green(grade);
}

const GRADES = 'excellent: avg < 10 ms and > 1000 deliveries/s; good: < 50 and > 500; fair: < 100 and > 100';

/** For people. */
export function reportText(report: BenchReport): string {
  const { plan, published, delivered, lost, duplicated, reordered, server } = report;
  const row = (name: string, value: string): string => `  ${out.dim(name.padEnd(13))}${value}`;
  const faults = `${count(lost)} lost, ${count(duplicated)} doubled, ${count(reordered)} out of order`;
  return [
    '',
    `  ${out.bold(report.url)}  ${count(report.connected)} clients, ${plan.channels.length} channel(s), ${plan.payloadBytes} B, ${report.seconds.toFixed(1)} s`,
    '',
    row('delivery', latencies(report.deliveryMs)),
    row('connecting', latencies(report.connectMs)),
    row(
      'published',
      `${count(published.accepted)} accepted, ${count(published.perSecond)}/s, ${count(published.refused)} refused`,
    ),
    row('delivered', `${count(delivered.count)}, ${out.bold(`${count(delivered.perSecond)}/s`)}`),
    row('faults', lost + duplicated + reordered === 0 ? out.green(faults) : out.red(faults)),
    row(
      'gateway',
      server === undefined
        ? out.dim('its metrics can not be read here')
        : `${server.cpuUsPerDelivery.toFixed(1)} us of CPU per delivery, ${(server.rssBytes / 2 ** 20).toFixed(0)} MiB`,
    ),
    row('grade', `${graded(report.grade)}  ${out.dim(GRADES)}`),
    ...(report.failed === 0
      ? []
      : [row('failed', out.red(`${count(report.failed)} clients could not connect`))]),
    ...report.problems.map((problem) => row('', out.red(problem))),
    '',
  ].join('\n');
}
