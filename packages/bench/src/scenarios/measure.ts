/** The part all scenarios share: warm up, mark, wait, measure, drain. */
import { setTimeout as pause } from 'node:timers/promises';
import type { LoadProcess } from '../load/load-process.ts';
import type { LoadReport } from '../load/plan.ts';
import { cpuBetween } from '../measure/process-usage.ts';
import { type Target, total } from '../targets/target.ts';
import type { Result, Scenario, Timing } from './scenario.ts';

/** What is still under way when publishing ends may take this long to arrive before it counts as lost. */
const DRAIN_MS = 1000;

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
  const after = await target.usage();
  const seconds = (performance.now() - start) / 1000;
  const [publisherReport, subscriberReport] = await Promise.all([publisher.report(), subscriber?.report()]);
  await publisher.stop();
  await pause(DRAIN_MS);
  const drained = await subscriber?.report();
  const rssKb = Object.fromEntries(after.map((usage) => [usage.name, usage.rssKb]));
  return {
    seconds,
    cpuUs: cpuBetween(before, after),
    rssKb,
    publisher: publisherReport,
    // Losses are judged after the drain, everything else at the end of the measured time.
    subscriber: subscriberReport &&
      drained && {
        ...subscriberReport,
        counts: { ...subscriberReport.counts, lost: drained.counts.lost },
        problems: drained.problems,
      },
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
  };
}
