/** The backend of the jobs did not do what was asked; whether it was done is not known. */
export class JobsUnavailableError extends Error {
  readonly code = 'JOBS_UNAVAILABLE';
  readonly retryable = true;

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'JobsUnavailableError';
  }
}

/** An attempt took longer than the catalogue allows. */
export class JobTimeoutError extends Error {
  readonly code = 'JOB_TIMEOUT';
  readonly retryable = true;
  override readonly name = 'JobTimeoutError';
}
