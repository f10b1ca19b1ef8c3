/** A failure that the user can do something about: shown as text, without a stack. */
export class CliError extends Error {
  /** Advice for the user: which option, command or server to check. */
  readonly hint: string | undefined;
  /** 1: it failed. 2: it was called wrongly. */
  readonly exitCode: 1 | 2;

  constructor(
    message: string,
    options: { hint?: string | undefined; exitCode?: 1 | 2; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { hint, exitCode: 2 });
}
