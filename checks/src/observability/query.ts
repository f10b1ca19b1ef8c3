import type { MetricDeclaration } from '@carillon/telemetry';

/** Labels that Prometheus and the charts give beside those of the catalogue. */
const OUTER_LABELS = ['instance', 'job', 'namespace', 'pod', 'le'];

/** A metric in a query, with matchers of its labels. */
export interface Selector {
  readonly metric: MetricDeclaration;
  readonly matchers: Readonly<Record<string, string>>;
}

/**
 * A PromQL query whose metrics are those of the catalogue, so that a metric or a label with another name does not compile, or throws here.
 */
export interface Query {
  readonly metrics: readonly MetricDeclaration[];
  /** @param more matchers for every metric, e.g. `instance=~"$instance"` */
  text(more?: string): string;
}

/** With matchers: `only(METRICS.closesTotal, { code: '1006' })`; a value that begins with `~` or `!~` is a pattern. */
export function only(metric: MetricDeclaration, matchers: Readonly<Record<string, string>>): Selector {
  for (const label of Object.keys(matchers)) refuseUnknownLabel([metric], label);
  return { metric, matchers };
}

/** Names what stands in `${}`; of a histogram, its buckets. */
export function query(
  parts: TemplateStringsArray,
  ...given: readonly (MetricDeclaration | Selector)[]
): Query {
  const selectors = given.map((each) => ('metric' in each ? each : { metric: each, matchers: {} }));
  const metrics = selectors.map(({ metric }) => metric);
  for (const [, labels = ''] of parts.join(' ').matchAll(/\b(?:by|on|without) \(([^)]*)\)/g))
    for (const label of labels.split(/,\s*/).filter((name) => name !== ''))
      refuseUnknownLabel(metrics, label);
  return {
    metrics,
    text: (more = '') =>
      parts
        .map((part, i) => part + (selectors[i] === undefined ? '' : selectorText(selectors[i], more)))
        .join(''),
  };
}

function selectorText({ metric, matchers }: Selector, more: string): string {
  const own = Object.entries(matchers).map(([label, value]) => {
    const [, operator = '=', text = ''] = /^(!~|~|!)?(.*)$/.exec(value) ?? [];
    return `${label}${OPERATORS[operator] ?? '='}"${text}"`;
  });
  const all = [...own, more].filter((text) => text !== '').join(',');
  const name = metric.type === 'histogram' ? `${metric.name}_bucket` : metric.name;
  return all === '' ? name : `${name}{${all}}`;
}

const OPERATORS: Readonly<Record<string, string>> = { '~': '=~', '!~': '!~', '!': '!=' };

function refuseUnknownLabel(metrics: readonly MetricDeclaration[], label: string): void {
  if (OUTER_LABELS.includes(label) || metrics.some(({ labels = [] }) => labels.includes(label))) return;
  throw new Error(`${metrics.map(({ name }) => name).join(', ')}: no label ${label}`);
}
