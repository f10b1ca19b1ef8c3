/** Instruments of the hot path: plain numbers in plain objects, read when somebody scrapes. */

export class Counter {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}

export class Gauge {
  value = 0;

  set(value: number): void {
    this.value = value;
  }
}

/** Counts values into fixed buckets; `bounds` are upper bounds, ascending. */
export class Histogram {
  readonly bounds: readonly number[];
  /** One more than bounds: the last takes what is above all of them. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
    this.count++;
  }
}

/** Most label combinations of one metric. A label fed from outside must not fill the memory. */
const MAX_CHILDREN = 1000;

/** Instruments of one metric by label values. Past the bound they share one whose labels are all `other`. */
export class Family<Instrument> {
  readonly #labels: readonly string[];
  readonly #create: () => Instrument;
  readonly #onFull: () => void;
  readonly #children = new Map<
    string,
    { readonly values: readonly string[]; readonly instrument: Instrument }
  >();
  readonly #overflow: readonly string[];
  #full = false;

  /** `onFull` is called once, when the bound is passed. */
  constructor(labels: readonly string[], create: () => Instrument, onFull: () => void = () => undefined) {
    this.#labels = labels;
    this.#create = create;
    this.#onFull = onFull;
    this.#overflow = labels.map(() => 'other');
  }

  /**
   * The instrument of these values, in the order of the declared labels. Keep the result where it is used often.
   * @throws RangeError when there are more or fewer values than labels.
   */
  labels(...values: readonly string[]): Instrument {
    const key = values.join('\u0000');
    return this.#children.get(key)?.instrument ?? this.#add(key, values);
  }

  children(): Iterable<{ readonly values: readonly string[]; readonly instrument: Instrument }> {
    return this.#children.values();
  }

  #add(key: string, values: readonly string[]): Instrument {
    if (values.length !== this.#labels.length)
      throw new RangeError(`got ${values.length} label values for (${this.#labels.join(', ')})`);
    if (this.#children.size >= MAX_CHILDREN && values.some((value, i) => value !== this.#overflow[i])) {
      if (!this.#full) this.#onFull();
      this.#full = true;
      return this.labels(...this.#overflow);
    }
    const instrument = this.#create();
    this.#children.set(key, { values, instrument });
    return instrument;
  }
}
