/**
 * Class of a failed statement. `poison`: this data was refused, other data may be taken. `retryable`: the database is
 * away, overloaded or not yet migrated; the same may succeed later.
 */
export type FailureKind = 'poison' | 'retryable';

/**
 * Data exception, integrity violation, check option of a view, program limit (e.g. an index entry that is too large), and what the code of a
 * trigger raises: waiting for the others until it is repaired, one message would hold up all.
 */
const POISON_CLASSES: ReadonlySet<string> = new Set(['22', '23', '44', '54', 'P0']);
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** A statement failed. `cause` is the driver's error. */
export class DatabaseError extends Error {
  readonly code = 'DATABASE_FAILED';
  readonly kind: FailureKind;
  /** Five characters, when Postgres itself answered. */
  readonly sqlState: string | undefined;
  readonly retryable: boolean;

  constructor(statement: string, cause: unknown) {
    const sqlState = sqlStateOf(cause);
    super(`${statement}: ${cause instanceof Error ? cause.message || cause.name : String(cause)}`, { cause });
    this.name = 'DatabaseError';
    this.sqlState = sqlState;
    this.kind = sqlState !== undefined && POISON_CLASSES.has(sqlState.slice(0, 2)) ? 'poison' : 'retryable';
    this.retryable = this.kind === 'retryable';
  }
}

function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && SQLSTATE.test(code) && code !== 'EPIPE' ? code : undefined;
}

/** `true` when the data of the statement was refused, not the statement as such. */
export function isPoison(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === 'poison';
}
