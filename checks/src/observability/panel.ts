import type { MetricDeclaration } from '@carillon/telemetry';
import { type Query, query } from './query.ts';

/** Units as Grafana names them. */
export type Unit = 'short' | 'reqps' | 'cps' | 'Bps' | 's' | 'bytes' | 'percentunit' | 'bool';

export interface Panel {
  /** The question that it answers, or what is shown. */
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  readonly lines: readonly { readonly query: Query; readonly legend: string }[];
  /** A number instead of a curve. */
  readonly isNumber?: boolean;
}

export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Panel[];
}

/** A curve for each value of a label, or one for all. The description is that of the metric. */
export function gauge(title: string, unit: Unit, metric: MetricDeclaration, by?: string): Panel {
  return one(
    title,
    unit,
    metric,
    by === undefined ? query`sum(${metric})` : grouped('sum', metric, by, false),
    by,
  );
}

/** The same of a gauge of which each process tells the same: the largest. */
export function largest(title: string, unit: Unit, metric: MetricDeclaration, by?: string): Panel {
  return one(
    title,
    unit,
    metric,
    by === undefined ? query`max(${metric})` : grouped('max', metric, by, false),
    by,
  );
}

/** A counter, by the second. */
export function rate(title: string, unit: Unit, metric: MetricDeclaration, by?: string): Panel {
  const all = query`sum(rate(${metric}[$__rate_interval]))`;
  return one(title, unit, metric, by === undefined ? all : grouped('sum', metric, by, true), by);
}

/** Median and 99th percentile of a histogram. */
export function latency(title: string, metric: MetricDeclaration): Panel {
  const lines = [0.5, 0.99].map((quantile) => ({
    query: constant`histogram_quantile(${quantile}, ${query`sum by (le) (rate(${metric}[$__rate_interval]))`})`,
    legend: `p${quantile * 100}`,
  }));
  return { title, description: metric.help, unit: 's', lines };
}

function one(title: string, unit: Unit, metric: MetricDeclaration, text: Query, by?: string): Panel {
  const legend =
    by === undefined
      ? title
      : by
          .split(/, */)
          .map((label) => `{{${label}}}`)
          .join(' ');
  return { title, description: metric.help, unit, lines: [{ query: text, legend }] };
}

function grouped(operation: 'sum' | 'max', metric: MetricDeclaration, by: string, asRate: boolean): Query {
  for (const label of by.split(/, */)) {
    if (label !== 'instance' && !(metric.labels ?? []).includes(label))
      throw new Error(`${metric.name}: no label ${label}`);
  }
  const inner = asRate ? query`rate(${metric}[$__rate_interval])` : query`${metric}`;
  return { metrics: [metric], text: (more) => `${operation} by (${by}) (${inner.text(more)})` };
}

/** A query made of constants and one query. */
function constant(parts: TemplateStringsArray, value: number, inner: Query): Query {
  return {
    metrics: inner.metrics,
    text: (more) => `${parts[0]}${value}${parts[1]}${inner.text(more)}${parts[2]}`,
  };
}
