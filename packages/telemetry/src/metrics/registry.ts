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

/** One series of a metric at a scrape: its label values and its instrument. */
export interface Sample {
  readonly values: readonly string[];
  readonly instrument: Counter | Gauge | Histogram;
}

interface Registered {
  readonly declaration: MetricDeclaration;
  readonly read: () => Iterable<Sample>;
}

/** Called at each scrape: a number, or numbers by label values. It must be cheap. */
export type ReadMetric = () => number | Iterable<readonly [values: readonly string[], value: number]>;

/** Told what is wrong with a metric; must bear repetition. */
export type OnMetricProblem = (name: string, problem: string, error?: unknown) => void;

/** The metrics of one service. */
export class Metrics {
  readonly #registered = new Map<string, Registered>();
  readonly #onProblem: OnMetricProblem;

  constructor(onProblem: OnMetricProblem = () => undefined) {
    this.#onProblem = onProblem;
  }

  counter(declaration: MetricDeclaration<'counter'>): Counter {
    const counter = new Counter();
    this.#register(declaration, () => [{ values: [], instrument: counter }]);
    return counter;
  }

  counters(declaration: MetricDeclaration<'counter'>): Family<Counter> {
    return this.#family(declaration, () => new Counter());
  }

  histogram(declaration: MetricDeclaration<'histogram'>): Histogram {
    const histogram = new Histogram(declaration.buckets ?? []);
    this.#register(declaration, () => [{ values: [], instrument: histogram }]);
    return histogram;
  }

  histograms(declaration: MetricDeclaration<'histogram'>): Family<Histogram> {
    return this.#family(declaration, () => new Histogram(declaration.buckets ?? []));
  }

  gauge(declaration: MetricDeclaration<'gauge'>, read: ReadMetric): void {
    this.#register(declaration, () => this.#samples(declaration.name, read));
  }

  /** A counter that somebody else counts, e.g. the operating system. */
  observedCounter(declaration: MetricDeclaration<'counter'>, read: ReadMetric): void {
    this.#register(declaration, () => this.#samples(declaration.name, read));
  }

  all(): Iterable<Registered> {
    return this.#registered.values();
  }

  #family<I extends Counter | Histogram>(declaration: MetricDeclaration, create: () => I): Family<I> {
    const family = new Family(declaration.labels ?? [], create, () =>
      this.#onProblem(declaration.name, 'has too many label combinations; further ones count as `other`'),
    );
    this.#register(declaration, () => family.children());
    return family;
  }

  /** One metric that can't be read must not hide the others. */
  #samples(name: string, read: ReadMetric): readonly Sample[] {
    try {
      const now = read();
      const all = typeof now === 'number' ? [[[], now] as const] : [...now];
      return all.map(([values, value]) => {
        const instrument = new Gauge();
        instrument.set(value);
        return { values, instrument };
      });
    } catch (error) {
      this.#onProblem(name, 'could not be read', error);
      return [];
    }
  }

  #register(declaration: MetricDeclaration, read: () => Iterable<Sample>): void {
    if (this.#registered.has(declaration.name))
      throw new Error(`the metric ${declaration.name} is registered twice`);
    this.#registered.set(declaration.name, { declaration, read });
  }
}
