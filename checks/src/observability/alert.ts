import type { Query } from './query.ts';

export interface Alert {
  readonly name: string;
  readonly query: Query;
  /** How long it has to be so, e.g. `1m`. */
  readonly lasting: string;
  /** `page`: somebody has to look now. `ticket`: within days. */
  readonly severity: 'page' | 'ticket';
  /** One line; `{{ $value }}` and `{{ $labels.x }}` as Prometheus fills them in. */
  readonly summary: string;
  readonly means: string;
  readonly causes: string;
  readonly act: string;
  /** Series of a test, in promtool's notation, with which it fires at `at`, and with which it does not. */
  readonly test: {
    readonly fires: Readonly<Record<string, string>>;
    readonly quiet: Readonly<Record<string, string>>;
    readonly at: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}
