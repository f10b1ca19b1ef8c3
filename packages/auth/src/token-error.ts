import { CarillonError, type ErrorCode } from '@carillon/protocol';

/** The codes of refused tokens. */
export type TokenErrorCode = Extract<ErrorCode, `TOKEN_${string}` | 'KEYS_UNAVAILABLE'>;

/**
 * A token was refused. The text says what was expected and what came; of the token itself it holds at most a shortened
 * claim or header member, never a part from which the token could be made again.
 */
export class TokenError extends CarillonError {
  declare readonly code: TokenErrorCode;

  constructor(
    code: TokenErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(code, message, options);
    this.name = 'TokenError';
  }
}

const MAX_SHOWN = 64;

/** A value out of a token as it may stand in an error: JSON, shortened, no control characters. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
