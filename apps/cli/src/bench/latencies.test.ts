import { expect, it } from 'vitest';
import { Latencies } from './latencies.ts';

it('has zeros when nothing was recorded', () => {
  expect(new Latencies().summary()).toEqual({ count: 0, min: 0, avg: 0, p50: 0, p95: 0, p99: 0, max: 0 });
});

it('finds percentiles to 1 %, minimum, maximum and mean exactly', () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 1000; ms++) latencies.record(ms);
  const { count, min, avg, p50, p95, p99, max } = latencies.summary();
  expect([count, min, avg, max]).toEqual([1000, 1, 500.5, 1000]);
  for (const [found, right] of [[p50, 500] as const, [p95, 950] as const, [p99, 990] as const])
    expect(Math.abs(found / right - 1)).toBeLessThan(0.011);
});

it('takes what is too short or too long to the end of its range', () => {
  const latencies = new Latencies();
  latencies.record(0);
  latencies.record(1e9);
  expect(latencies.summary()).toMatchObject({ count: 2, min: 0.01, max: 1e9 });
});
