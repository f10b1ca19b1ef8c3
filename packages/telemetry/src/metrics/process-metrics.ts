import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { METRICS } from './catalogue.ts';
import type { Metrics } from './registry.ts';

const EVENT_LOOP_RESOLUTION_MS = 20;
const NS_PER_SECOND = 1e9;

/** Event loop, memory, CPU, garbage collection, file descriptors. Returns what stops the measuring. */
export function registerProcessMetrics(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: EVENT_LOOP_RESOLUTION_MS });
  delay.enable();
  const gc = metrics.counter(METRICS.processGcSeconds);
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) gc.add(entry.duration / 1000);
  });
  observer.observe({ entryTypes: ['gc'] });
  metrics.gauge(METRICS.processEventLoopDelay, () => {
    const samples = (['50', '99'] as const).map(
      (p) => [[`p${p}`], seconds(delay.percentile(Number(p)))] as const,
    );
    const all = [...samples, [['max'], seconds(delay.max)] as const];
    delay.reset();
    return all;
  });
  metrics.gauge(METRICS.processMemory, () => {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    return [
      [['rss'], rss],
      [['heap_used'], heapUsed],
      [['heap_total'], heapTotal],
      [['external'], external],
    ];
  });
  metrics.gauge(METRICS.processCpuSeconds, () => {
    const { user, system } = process.cpuUsage();
    return [
      [['user'], user / 1e6],
      [['system'], system / 1e6],
    ];
  });
  metrics.gauge(METRICS.processOpenFds, openFds);
  metrics.gauge(METRICS.processUptime, () => process.uptime());
  return () => {
    delay.disable();
    observer.disconnect();
  };
}

/** The sampling interval itself is part of what the monitor reports; a negative rest means no delay. */
function seconds(nanoseconds: number): number {
  return Number.isFinite(nanoseconds)
    ? Math.max(0, nanoseconds - EVENT_LOOP_RESOLUTION_MS * 1e6) / NS_PER_SECOND
    : 0;
}

function openFds(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1; // not Linux
  }
}
