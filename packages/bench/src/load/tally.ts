/** Latency histogram, counts, CPU and the first problems of a load process, from the last {@link Tally.mark} on. */
import { build, type Histogram } from 'hdr-histogram-js';
import type { Counts, LoadReport } from './plan.ts';

const MAX_PROBLEMS = 5;

/** All times have this many digits, so that what comes after them in a message stands at a fixed place. */
export const T_DIGITS = 16;
const BASE_US = 10 ** (T_DIGITS - 1);
const CLOCK_READINGS = 50;
const START_US = BASE_US + clockStartUs();

/** Microseconds of the monotonic clock, the same in all processes of the machine, with {@link T_DIGITS} digits. */
export function nowUs(): number {
  return Math.floor(START_US + performance.now() * 1000);
}

/**
 * Where performance.now() is 0 on the monotonic clock. The first readings take milliseconds, and any may be interrupted: the one that was
 * bracketed most tightly counts. A wrong start in one of two processes would stand in every latency between them.
 */
function clockStartUs(): number {
  let best = { widthNs: Number.POSITIVE_INFINITY, startUs: 0 };
  for (let i = 0; i < CLOCK_READINGS; i++) {
    const beforeNs = process.hrtime.bigint();
    const nowMs = performance.now();
    const widthNs = Number(process.hrtime.bigint() - beforeNs);
    if (widthNs < best.widthNs)
      best = { widthNs, startUs: (Number(beforeNs) + widthNs / 2) / 1000 - nowMs * 1000 };
  }
  return best.startUs;
}

export function histogramUs(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
  });
}

export function summaryUs(histogram: Histogram): LoadReport['latencyUs'] {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile);
  return {
    count: histogram.totalCount,
    min: histogram.minNonZeroValue,
    mean: histogram.mean,
    p50: at(50),
    p95: at(95),
    p99: at(99),
    max: histogram.maxValue,
  };
}

export class Tally {
  readonly counts: Counts = { messages: 0, accepted: 0, errors: 0, lost: 0, duplicated: 0, reordered: 0 };
  published = 0;
  readonly #problems: string[] = [];
  readonly #histogram = histogramUs();
  #cpu = process.cpuUsage();

  readonly time = (sentUs: number): void => {
    this.#histogram.recordValue(Math.max(1, nowUs() - sentUs));
  };

  readonly problem = (text: string): void => {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(text);
  };

  /** Forgets what was measured so far (warm-up), but no fault. */
  mark(): void {
    Object.assign(this.counts, { messages: 0, accepted: 0, errors: 0 });
    this.published = 0;
    this.#histogram.reset();
    this.#cpu = process.cpuUsage();
  }

  report(): LoadReport {
    const cpu = process.cpuUsage(this.#cpu);
    return {
      counts: { ...this.counts },
      published: this.published,
      latencyUs: summaryUs(this.#histogram),
      cpuUs: cpu.user + cpu.system,
      problems: [...this.#problems],
    };
  }
}
