import { define, type ErrorDefinition } from './error-definition.ts';

/** The part of the registry about tokens and their keys. */
export const TOKEN_ERRORS = {
  ORIGIN_REFUSED: define(
    false,
    403,
    "The page's origin is not on the list of allowed origins.",
    'Add it to CARILLON_ALLOWED_ORIGINS.',
  ),
  AUTH_TIMEOUT: define(
    false,
    401,
    'No valid token came in time.',
    'Send `connect` with a token right after opening.',
  ),
  TOKEN_MISSING: define(
    false,
    401,
    'There is no token, and anonymous clients are not allowed.',
    'Send a token.',
  ),
  TOKEN_MALFORMED: define(false, 401, 'The token is not a signed JWT.', 'Send a JWT in compact form.'),
  TOKEN_SIGNATURE_INVALID: define(
    false,
    401,
    "The token's signature does not fit the keys of this service.",
    "Compare the secret's fingerprint in the logs of both services.",
  ),
  TOKEN_ALGORITHM_NOT_ALLOWED: define(
    false,
    401,
    'The token is signed with an algorithm that is not allowed.',
    'Sign with one of the algorithms in the message.',
  ),
  TOKEN_EXPIRED: define(false, 401, 'The token has expired.', 'Get a new token.'),
  TOKEN_NOT_YET_VALID: define(
    true,
    401,
    'The token is not valid yet.',
    'Compare the clocks; the message has the difference.',
  ),
  TOKEN_TOO_OLD: define(false, 401, 'The token was issued longer ago than allowed.', 'Get a new token.'),
  TOKEN_ISSUER_MISMATCH: define(
    false,
    401,
    'The token comes from another issuer.',
    'Use the issuer in the message.',
  ),
  TOKEN_AUDIENCE_MISMATCH: define(
    false,
    401,
    'The token is meant for another audience.',
    'Use the audience in the message.',
  ),
  TOKEN_CLAIM_MISSING: define(
    false,
    401,
    'The token lacks a claim that is needed.',
    'Add the claim in the message.',
  ),
  TOKEN_CLAIM_INVALID: define(
    false,
    401,
    'A claim of the token has a wrong value.',
    'The message names the claim and what is allowed.',
  ),
  TOKEN_USER_MISMATCH: define(
    false,
    403,
    'A live connection can only be refreshed with a token of the same user and app.',
    'Refresh with a token of the same user, or close the connection and connect anew.',
  ),
  KEYS_UNAVAILABLE: define(
    true,
    503,
    'The keys to verify the token could not be fetched.',
    'Try again; check the JWKS address.',
  ),
} as const satisfies Record<string, ErrorDefinition>;
