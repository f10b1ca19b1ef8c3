export interface ErrorDefinition {
  /** May the same request succeed later, unchanged? */
  readonly retryable: boolean;
  /** HTTP status of the same error over HTTP. */
  readonly status: number;
  /** Meaning, for the documentation. */
  readonly meaning: string;
  /** Remedy, for the documentation. */
  readonly remedy: string;
}

/** A row of the registry. */
export const define = (
  retryable: boolean,
  status: number,
  meaning: string,
  remedy: string,
): ErrorDefinition => ({
  retryable,
  status,
  meaning,
  remedy,
});
