import type { Invariant } from '../check/verdict.ts';
import type { EditName } from './edits.ts';
import type { ScenarioName } from './scenarios.ts';

export interface Bug {
  /** The fault of the product, for the documentation. */
  readonly what: string;
  readonly scenario: ScenarioName;
  /** At least one of these is violated, and the checker says so. */
  readonly violates: readonly Invariant[];
}

/** Each bug is an edit of the same name. */
export type Bugs = Readonly<Partial<Record<EditName, Bug>>>;
