import { plainMessage } from '@carillon/telemetry';

/** Error codes of Node for an unreachable peer. */
const NETWORK_CODES: ReadonlySet<unknown> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

const MAX_CAUSES = 5;

/** `true` when the error, or what caused it, says that the same may work later: something is away, not broken. */
export function isOutage(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth <= MAX_CAUSES && current instanceof Error; depth++) {
    const { code, retryable } = current as { code?: unknown; retryable?: unknown };
    if (retryable === true || NETWORK_CODES.has(code)) return true;
    current = current.cause;
  }
  return false;
}

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Connecting to a name with several addresses fails with an AggregateError, whose own message is empty.
  if (error.message === '' && error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return plainMessage(error) || error.name;
}
