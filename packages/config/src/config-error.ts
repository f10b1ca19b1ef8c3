/** One thing wrong with the configuration. */
export interface ConfigProblem {
  /** The variables it is about: one for a wrong value, several for a contradiction. */
  readonly variables: readonly string[];
  /** The fault, the given value (secrets redacted), the allowed values, and an example. */
  readonly message: string;
}

/** The configuration can't be used. Lists every problem at once, so that one restart is enough. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  readonly retryable = false;
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(
      `${count} in the configuration:\n${problems.map((problem) => `  - ${problem.message}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
