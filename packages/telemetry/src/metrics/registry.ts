import { Counter, Family, Gauge, Histogram } from './instruments.ts';

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A metric as it is declared once, in catalogue.ts. */
export interface MetricDeclaration<Type extends MetricType = MetricType> {
  readonly type: Type;
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** What a metric reads at a scrape: label values and the number. */
export interface Sample {
  readonly values: readonly string[];
  readonly instrument: Counter | Gauge | Histogram;
}

interface Registered {
  readonly declaration: MetricDeclaration;
  readonly read: () => Iterable<Sample>;
}

/** The metrics of one service. */
export class Metrics {
  readonly #registered = new Map<string, Registered>();

  counter(declaration: MetricDeclaration<'counter'>): Counter {
    const counter = new Counter();
    this.#register(declaration, () => [{ values: [], instrument: counter }]);
    return counter;
  }

  counters(declaration: MetricDeclaration<'counter'>): Family<Counter> {
    const family = new Family(declaration.labels ?? [], () => new Counter());
    this.#register(declaration, () => family.children());
    return family;
  }

  histogram(declaration: MetricDeclaration<'histogram'>): Histogram {
    const histogram = new Histogram(declaration.buckets ?? []);
    this.#register(declaration, () => [{ values: [], instrument: histogram }]);
    return histogram;
  }

  histograms(declaration: MetricDeclaration<'histogram'>): Family<Histogram> {
    const family = new Family(declaration.labels ?? [], () => new Histogram(declaration.buckets ?? []));
    this.#register(declaration, () => family.children());
    return family;
  }

  /** `read` is called at each scrape: a number, or numbers by label values. It must be cheap and must not throw. */
  gauge(
    declaration: MetricDeclaration<'gauge'>,
    read: () => number | Iterable<readonly [values: readonly string[], value: number]>,
  ): void {
    this.#register(declaration, () => {
      const now = read();
      const all = typeof now === 'number' ? [[[], now] as const] : [...now];
      return all.map(([values, value]) => {
        const instrument = new Gauge();
        instrument.set(value);
        return { values, instrument };
      });
    });
  }

  all(): Iterable<Registered> {
    return this.#registered.values();
  }

  #register(declaration: MetricDeclaration, read: () => Iterable<Sample>): void {
    if (this.#registered.has(declaration.name))
      throw new Error(`the metric ${declaration.name} is registered twice`);
    this.#registered.set(declaration.name, { declaration, read });
  }
}
