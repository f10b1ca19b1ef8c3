import { readdirSync, readFileSync, statSync } from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { METRICS } from './catalogue.ts';
import type { Metrics } from './registry.ts';

const EVENT_LOOP_RESOLUTION_MS = 20;
/** The delay is of at least this long: two that scrape must not take each other's figures away. */
const EVENT_LOOP_WINDOW_MS = 10_000;
const NS_PER_SECOND = 1e9;
const QUANTILES = [50, 99] as const;

/** Event loop, memory, CPU, garbage collection, file descriptors. Returns what stops the measuring. */
export function registerProcessMetrics(metrics: Metrics): () => void {
  const stopEventLoop = registerEventLoop(metrics);
  const stopGc = registerGc(metrics);
  metrics.gauge(METRICS.processMemory, () => {
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    return [
      [['rss'], rss],
      [['heap_used'], heapUsed],
      [['heap_total'], heapTotal],
      [['heap_limit'], getHeapStatistics().heap_size_limit],
      [['external'], external],
      [['array_buffers'], arrayBuffers],
    ];
  });
  metrics.observedCounter(METRICS.processCpuSeconds, () => {
    const { user, system } = process.cpuUsage();
    return [
      [['user'], user / 1e6],
      [['system'], system / 1e6],
    ];
  });
  const fdLimit = openFdLimit();
  metrics.gauge(METRICS.processOpenFds, openFds);
  metrics.gauge(METRICS.processOpenFdsLimit, () => fdLimit);
  metrics.gauge(METRICS.processHandles, () => process.getActiveResourcesInfo().length);
  metrics.gauge(METRICS.processUptime, () => process.uptime());
  return () => {
    stopEventLoop();
    stopGc();
  };
}

function registerEventLoop(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: EVENT_LOOP_RESOLUTION_MS });
  delay.enable();
  let windowSinceMs = performance.now();
  metrics.gauge(METRICS.processEventLoopDelay, () => {
    const samples = delaySamples(delay);
    if (performance.now() - windowSinceMs >= EVENT_LOOP_WINDOW_MS) {
      windowSinceMs = performance.now();
      delay.reset();
    }
    return samples;
  });
  metrics.observedCounter(
    METRICS.processEventLoopBusySeconds,
    () => performance.eventLoopUtilization().active / 1000,
  );
  return () => {
    delay.disable();
  };
}

function delaySamples(
  delay: ReturnType<typeof monitorEventLoopDelay>,
): readonly (readonly [readonly string[], number])[] {
  const quantiles = QUANTILES.map((p) => [[`p${p}`], seconds(delay.percentile(p))] as const);
  return [...quantiles, [['max'], seconds(delay.max)]];
}

/** The sampling interval itself is part of what the monitor reports; a negative rest means no delay. */
function seconds(nanoseconds: number): number {
  return Number.isFinite(nanoseconds)
    ? Math.max(0, nanoseconds - EVENT_LOOP_RESOLUTION_MS * 1e6) / NS_PER_SECOND
    : 0;
}

function registerGc(metrics: Metrics): () => void {
  const gc = metrics.counter(METRICS.processGcSeconds);
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) gc.add(entry.duration / 1000);
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

/** From Linux 6.2 on the folder's size is the count; before, thousands of names have to be read. */
function openFds(): number {
  try {
    return statSync('/proc/self/fd').size || readdirSync('/proc/self/fd').length;
  } catch {
    return -1; // not Linux
  }
}

function openFdLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? -1 : Number(soft);
  } catch {
    return -1; // not Linux
  }
}
