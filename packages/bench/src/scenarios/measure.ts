/** The part all scenarios share: warm up, mark, wait, measure, drain. */
import { setTimeout as pause } from 'node:timers/promises';
import type { LoadProcess } from '../load/load-process.ts';
import type { LoadReport } from '../load/plan.ts';
import { cpuBetween } from '../measure/process-usage.ts';
import { type Target, total } from '../targets/target.ts';
import type { Result, Scenario, Timing } from './scenario.ts';

export interface Measured {
  readonly seconds: number;
  readonly cpuUs: Readonly<Record<string, number>>;
  readonly rssKb: Readonly<Record<string, number>>;
  readonly subscriber: LoadReport | undefined;
  readonly publisher: LoadReport;
}

export async function measure(
  target: Target,
  timing: Timing,
  publisher: LoadProcess,
  subscriber: LoadProcess | undefined,
): Promise<Measured> {
  await publisher.start();
  await pause(timing.warmUpSeconds * 1000);
  await Promise.all([publisher.mark(), subscriber?.mark()]);
  const before = await target.usage();
  const start = performance.now();
  await pause(timing.seconds * 1000);
  const [after, ...reports] = await Promise.all([target.usage(), publisher.report(), subscriber?.report()]);
  const seconds = (performance.now() - start) / 1000;
  const rssKb = Object.fromEntries(after.map((usage) => [usage.name, usage.rssKb]));
  const [publisherReport, subscriberReport] = reports;
  return {
    seconds,
    cpuUs: cpuBetween(before, after),
    rssKb,
    publisher: publisherReport,
    subscriber: subscriberReport,
  };
}

export function toResult(
  scenario: Pick<Scenario, 'name'>,
  target: Target,
  unit: Result['unit'],
  measured: Measured,
): Result {
  const { subscriber, publisher, seconds, cpuUs } = measured;
  const units =
    unit === 'delivery'
      ? subscriber!.counts.messages
      : unit === 'publish'
        ? publisher.counts.accepted
        : publisher.published;
  const loadCpuUs = publisher.cpuUs + (subscriber?.cpuUs ?? 0);
  const seen = subscriber?.counts;
  return {
    scenario: scenario.name,
    target: target.name,
    unit,
    units,
    unitsPerSecond: units / seconds,
    cpuPerUnitUs: total(cpuUs) / units,
    cpuByProcessUs: cpuUs,
    latencyUs: (subscriber ?? publisher).latencyUs,
    lost: seen?.lost ?? 0,
    duplicated: seen?.duplicated ?? 0,
    reordered: seen?.reordered ?? 0,
    loadCpuPerUnitUs: loadCpuUs / units,
    rssKbByProcess: measured.rssKb,
    problems: [...publisher.problems, ...(subscriber?.problems ?? [])],
    figures: {
      // Clients that come back don't count bytes.
      ...(unit === 'delivery' && subscriber?.receivedBytes !== undefined
        ? { bytesPerDelivery: subscriber.receivedBytes / units }
        : {}),
      ...target.figures?.(),
    },
  };
}
