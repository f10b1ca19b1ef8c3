import { Histogram } from './instruments.ts';
import type { Metrics } from './registry.ts';

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Prometheus text format 0.0.4. */
export function prometheusText(metrics: Metrics): string {
  const lines: string[] = [];
  for (const { declaration, read } of metrics.all()) {
    const { name, help, type, labels = [] } = declaration;
    lines.push(
      `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${name} ${type}`,
    );
    for (const { values, instrument } of read()) {
      const pairs = labels.map((label, i) => `${label}="${escapeLabel(values[i] ?? '')}"`);
      if (instrument instanceof Histogram) lines.push(...histogramLines(name, pairs, instrument));
      else lines.push(`${name}${braces(pairs)} ${numberText(instrument.value)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function histogramLines(name: string, pairs: readonly string[], histogram: Histogram): readonly string[] {
  let cumulative = 0;
  const buckets = [...histogram.bounds.map(String), '+Inf'].map((bound, i) => {
    cumulative += histogram.counts[i]!;
    return `${name}_bucket${braces([...pairs, `le="${bound}"`])} ${cumulative}`;
  });
  return [
    ...buckets,
    `${name}_sum${braces(pairs)} ${numberText(histogram.sum)}`,
    `${name}_count${braces(pairs)} ${histogram.count}`,
  ];
}

function braces(pairs: readonly string[]): string {
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

export interface MetricJson {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value?: number;
    readonly count?: number;
    readonly sum?: number;
    /** Counts up to and including each bound. */
    readonly buckets?: Readonly<Record<string, number>>;
  }[];
}

/** The same for a person with jq: an object by metric name. */
export function metricsJson(metrics: Metrics): Readonly<Record<string, MetricJson>> {
  const out: Record<string, MetricJson> = {};
  for (const { declaration, read } of metrics.all()) {
    const { name, type, help, labels = [] } = declaration;
    out[name] = {
      type,
      help,
      samples: [...read()].map(({ values, instrument }) => ({
        labels: Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ''])),
        ...(instrument instanceof Histogram ? histogramJson(instrument) : { value: instrument.value }),
      })),
    };
  }
  return out;
}

function histogramJson({ bounds, counts, count, sum }: Histogram) {
  let cumulative = 0;
  const buckets: Record<string, number> = {};
  for (const [i, bound] of [...bounds.map(String), '+Inf'].entries()) {
    cumulative += counts[i]!;
    buckets[bound] = cumulative;
  }
  return { count, sum, buckets };
}
