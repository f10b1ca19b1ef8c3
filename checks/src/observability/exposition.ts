import { METRICS, type MetricDeclaration } from '@carillon/telemetry';

/** Values of labels of which panels and alerts ask for certain ones; others have some value. */
const LABEL_VALUES: Readonly<Record<string, readonly string[]>> = {
  result: ['accepted', 'opened', 'AT_CAPACITY', 'dead'],
  kind: ['position-taken', 'retryable'],
  quantile: ['p50', 'p99', 'max'],
  state: ['waiting', 'idle'],
};

/** Every metric of the catalogue as a service would serve it, counters at `count`. */
export function exposition(count: number): string {
  return `${Object.values(METRICS)
    .flatMap((metric) => linesOf(metric, count))
    .join('\n')}\n`;
}

function linesOf(metric: MetricDeclaration, count: number): readonly string[] {
  const { name, type, labels = [] } = metric;
  const head = [`# TYPE ${name} ${type}`];
  const series = combinations(labels);
  if (type !== 'histogram') return [...head, ...series.map((pairs) => `${name}${braces(pairs)} ${count}`)];
  const bounds = [...(metric.buckets ?? [0.1, 1]).map(String), '+Inf'];
  return [
    ...head,
    ...series.flatMap((pairs) => [
      ...bounds.map((bound) => `${name}_bucket${braces([...pairs, `le="${bound}"`])} ${count}`),
      `${name}_sum${braces(pairs)} ${count}`,
      `${name}_count${braces(pairs)} ${count}`,
    ]),
  ];
}

function combinations(labels: readonly string[]): readonly (readonly string[])[] {
  return labels.reduce<readonly (readonly string[])[]>(
    (rows, label) =>
      rows.flatMap((row) =>
        (LABEL_VALUES[label] ?? ['some']).map((value) => [...row, `${label}="${value}"`]),
      ),
    [[]],
  );
}

const braces = (pairs: readonly string[]) => (pairs.length === 0 ? '' : `{${pairs.join(',')}}`);
