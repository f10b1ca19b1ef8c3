/** The part all scenarios share: warm up, mark, wait, measure, drain. */
import { setTimeout as pause } from 'node:timers/promises';
import type { LoadProcess } from '../load/load-process.ts';
import type { LoadReport } from '../load/plan.ts';
import { cpuBetween } from '../measure/process-usage.ts';
import { type Target, total } from '../targets/target.ts';
import type { Result, Scenario, Timing } from './scenario.ts';

/** A short time in which all stood still, on a busy machine, has nothing to be measured: it is prolonged until something came. */
const LONGEST_WAIT_S = 30;
const LOOK_AGAIN_MS = 100;

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
  const look = async (inMs: number) => {
    await pause(inMs);
    const looked = await Promise.all([target.usage(), publisher.report(), subscriber?.report()]);
    return [(performance.now() - start) / 1000, ...looked] as const;
  };
  let seen = await look(timing.seconds * 1000);
  while (nothingCame(seen[2], seen[3]) && seen[0] < timing.seconds + LONGEST_WAIT_S)
    seen = await look(LOOK_AGAIN_MS);
  const [seconds, after, publisherReport, subscriberReport] = seen;
  return {
    seconds,
    cpuUs: cpuBetween(before, after),
    rssKb: Object.fromEntries(after.map((usage) => [usage.name, usage.rssKb])),
    publisher: publisherReport,
    subscriber: subscriberReport,
  };
}

function nothingCame(publisher: LoadReport, subscriber: LoadReport | undefined): boolean {
  return (subscriber ?? publisher).latencyUs.count === 0;
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
