/** Times in classes that grow by 1 %: bounded memory, however many are recorded, and percentiles that are right to 1 %. */

const GROWTH = Math.log(1.01);
/** Everything below counts as this. */
const LEAST_MS = 0.01;
/** Up to about ten minutes; what is above counts there. */
const CLASSES = 1_800;

export interface LatencySummary {
  readonly count: number;
  readonly min: number;
  readonly avg: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export class Latencies {
  readonly #classes = new Float64Array(CLASSES);
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  /** @param ms a duration in milliseconds */
  record(ms: number): void {
    const value = Math.max(LEAST_MS, ms);
    const index = Math.min(CLASSES - 1, Math.floor(Math.log(value / LEAST_MS) / GROWTH));
    this.#classes[index]!++;
    this.#count++;
    this.#sumMs += value;
    this.#minMs = Math.min(this.#minMs, value);
    this.#maxMs = Math.max(this.#maxMs, value);
  }

  /** All in milliseconds; zeros when nothing was recorded. */
  summary(): LatencySummary {
    if (this.#count === 0) return { count: 0, min: 0, avg: 0, p50: 0, p95: 0, p99: 0, max: 0 };
    return {
      count: this.#count,
      min: this.#minMs,
      avg: this.#sumMs / this.#count,
      p50: this.#at(0.5),
      p95: this.#at(0.95),
      p99: this.#at(0.99),
      max: this.#maxMs,
    };
  }

  #at(share: number): number {
    const wanted = Math.ceil(this.#count * share);
    let seen = 0;
    const index = this.#classes.findIndex((many) => {
      seen += many;
      return seen >= wanted;
    });
    const upper = LEAST_MS * Math.exp((index + 1) * GROWTH);
    return Math.min(this.#maxMs, Math.max(this.#minMs, upper));
  }
}
