import { expect, it, vi } from 'vitest';
import { metricsJson, prometheusText } from './exposition.ts';
import { Metrics } from './registry.ts';

const GAUGE = { type: 'gauge', name: 'g', help: 'g' } as const;
const COUNTERS = { type: 'counter', name: 'c_total', help: 'c', labels: ['id'] } as const;

it('shows the other metrics when one cannot be read, and says which', () => {
  const onProblem = vi.fn();
  const metrics = new Metrics(onProblem);
  const broken = new Error('pool is closed');
  metrics.gauge(GAUGE, () => {
    throw broken;
  });
  metrics.counter({ type: 'counter', name: 'fine_total', help: 'f' }).add(3);
  expect(prometheusText(metrics)).toContain('\nfine_total 3\n');
  expect(onProblem).toHaveBeenCalledExactlyOnceWith('g', 'could not be read', broken);
});

it('warns once about a family that is full', () => {
  const onProblem = vi.fn();
  const family = new Metrics(onProblem).counters(COUNTERS);
  for (let i = 0; i < 3000; i++) family.labels(String(i)).add();
  expect(onProblem).toHaveBeenCalledTimes(1);
  expect(onProblem.mock.calls[0]?.[0]).toBe('c_total');
});

it('refuses label values that do not fit the declaration', () => {
  const family = new Metrics().counters(COUNTERS);
  expect(() => family.labels()).toThrow(RangeError);
  expect(() => family.labels('a', 'b')).toThrow('got 2 label values for (id)');
});

it('writes numbers as Prometheus reads them', () => {
  const metrics = new Metrics();
  const labels = ['kind'];
  metrics.gauge({ ...GAUGE, labels }, () => [
    [['inf'], Number.POSITIVE_INFINITY],
    [['-inf'], Number.NEGATIVE_INFINITY],
    [['nan'], Number.NaN],
    [['small'], 1e-7],
    [['line\nbreak'], 1],
  ]);
  expect(prometheusText(metrics).split('\n')).toEqual([
    '# HELP g g',
    '# TYPE g gauge',
    'g{kind="inf"} +Inf',
    'g{kind="-inf"} -Inf',
    'g{kind="nan"} NaN',
    'g{kind="small"} 1e-7',
    'g{kind="line\\nbreak"} 1',
    '',
  ]);
});

it('reads gauges at each scrape', () => {
  const metrics = new Metrics();
  let connections = 1;
  metrics.gauge(GAUGE, () => connections);
  expect(metricsJson(metrics).g?.samples).toEqual([{ labels: {}, value: 1 }]);
  connections = 2;
  expect(metricsJson(metrics).g?.samples).toEqual([{ labels: {}, value: 2 }]);
});
