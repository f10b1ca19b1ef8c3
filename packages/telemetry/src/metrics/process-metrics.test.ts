import { expect, it } from 'vitest';
import { metricsJson } from './exposition.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { Metrics } from './registry.ts';

it('measures this process', () => {
  const metrics = new Metrics((name, problem, error) => {
    throw new Error(`${name} ${problem}`, { cause: error });
  });
  const stop = registerProcessMetrics(metrics);
  const values = Object.fromEntries(
    Object.entries(metricsJson(metrics)).flatMap(([name, { samples }]) =>
      samples.map(({ labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
    ),
  );
  stop();
  const positive = [
    'memory_bytes rss',
    'memory_bytes heap_used',
    'memory_bytes heap_limit',
    'cpu_seconds_total user',
    'uptime_seconds',
    'event_loop_busy_seconds_total',
    ...(process.platform === 'linux' ? ['open_fds', 'open_fds_limit'] : []),
  ];
  for (const name of positive) expect(values[`carillon_process_${name}`], name).toBeGreaterThan(0);
  expect(values['carillon_process_event_loop_delay_seconds max']).toBeGreaterThanOrEqual(0);
});
