import type { Capabilities } from './capabilities.ts';
import { DEFAULT_APP, type VerifiedToken } from './identity.ts';
import { shown, TokenError } from './token-error.ts';

/** Requirements on a token's claims (RFC 7519). */
export interface ClaimPolicy {
  /** Of these a token needs one; empty: not checked. */
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
  /** The first of these that a token has is the user id. */
  readonly userClaims: readonly string[];
  readonly roleClaim: string;
  readonly nameClaim: string;
  /** Tolerated difference between the clocks of issuer and gateway, for `exp`, `nbf` and `iat`. */
  readonly leewayMs: number;
  /** 0: age not checked, tokens need `exp`. */
  readonly maxTokenAgeMs: number;
  /** Of tokens without a `capabilities` claim. */
  readonly defaultCapabilities: Capabilities;
  readonly compile: (claim: unknown) => Capabilities;
  /** A token is good, but for a claim that could not be used; `allowed` says what could. */
  readonly onIgnoredClaim: (claim: string, allowed: string) => void;
}

type Claims = Readonly<Record<string, unknown>>;

const MAX_USER_ID_LENGTH = 128;
const MAX_TEXT_LENGTH = 256;
/** A token is read by whoever gets a request: a list as long as a directory's groups helps nobody. */
const MAX_ROLES = 32;
/** Of a client without roles. */
export const NO_ROLES: readonly string[] = Object.freeze([]);
const APP_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** 100 billion seconds is the year 5138; anything above was meant as milliseconds. */
const MAX_NUMERIC_DATE = 1e11;
const REGISTERED = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'capabilities',
  'caps',
  '__proto__',
]);

function missing(claim: string, why: string): never {
  throw new TokenError('TOKEN_CLAIM_MISSING', `The token has no claim ${claim}: ${why}.`);
}

function invalid(claim: string, value: unknown, allowed: string): never {
  throw new TokenError('TOKEN_CLAIM_INVALID', `The claim ${claim} is ${shown(value)}; allowed: ${allowed}.`);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

function timeMs(claims: Claims, claim: 'exp' | 'nbf' | 'iat'): number | undefined {
  const value = claims[claim];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    invalid(claim, value, 'seconds since 1970, as a number');
  }
  if (value > MAX_NUMERIC_DATE) invalid(claim, value, 'seconds since 1970; this looks like milliseconds');
  return value * 1000;
}

function checkIssuer(claims: Claims, { issuers }: ClaimPolicy): void {
  if (issuers.length === 0) return;
  if (claims.iss === undefined) missing('iss', `expected ${issuers.join(' or ')}`);
  if (typeof claims.iss === 'string' && issuers.includes(claims.iss)) return;
  throw new TokenError(
    'TOKEN_ISSUER_MISMATCH',
    `The token comes from the issuer ${shown(claims.iss)}; expected ${issuers.join(' or ')}.`,
  );
}

function checkAudience(claims: Claims, { audiences }: ClaimPolicy): void {
  if (audiences.length === 0) return;
  if (claims.aud === undefined) missing('aud', `expected ${audiences.join(' or ')}`);
  const given: readonly unknown[] = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (given.some((audience) => typeof audience === 'string' && audiences.includes(audience))) return;
  throw new TokenError(
    'TOKEN_AUDIENCE_MISMATCH',
    `The token is meant for ${shown(claims.aud)}; expected ${audiences.join(' or ')}.`,
  );
}

function checkStart(startMs: number | undefined, nowMs: number, leewayMs: number, what: string): void {
  if (startMs === undefined || startMs <= nowMs + leewayMs) return;
  const aheadMs = startMs - nowMs;
  throw new TokenError(
    'TOKEN_NOT_YET_VALID',
    `The token ${what} ${seconds(aheadMs)} after the present time of this server (leeway ${seconds(leewayMs)}): ` +
      "compare the clocks of the token's issuer and of this server.",
    { retryAfterMs: Math.ceil(aheadMs - leewayMs) },
  );
}

/** Checks the times. Answers when the token ends, without leeway. */
function checkTimes(
  claims: Claims,
  nowMs: number,
  policy: ClaimPolicy,
): { endMs: number; issuedAtMs?: number } {
  const { leewayMs, maxTokenAgeMs } = policy;
  const expiresAtMs = timeMs(claims, 'exp');
  const issuedAtMs = timeMs(claims, 'iat');
  if (issuedAtMs === undefined && maxTokenAgeMs > 0) {
    missing('iat', `its age can't be checked (at most ${seconds(maxTokenAgeMs)} are allowed)`);
  }
  if (expiresAtMs === undefined && maxTokenAgeMs === 0) missing('exp', 'it would be valid for ever');
  if (expiresAtMs !== undefined && nowMs >= expiresAtMs + leewayMs) {
    throw new TokenError(
      'TOKEN_EXPIRED',
      `The token expired ${seconds(nowMs - expiresAtMs)} ago (leeway ${seconds(leewayMs)}).`,
    );
  }
  checkStart(timeMs(claims, 'nbf'), nowMs, leewayMs, 'becomes valid');
  checkStart(issuedAtMs, nowMs, leewayMs, 'was issued');
  const oldestMs = issuedAtMs === undefined || maxTokenAgeMs === 0 ? Infinity : issuedAtMs + maxTokenAgeMs;
  if (nowMs >= oldestMs + leewayMs) {
    throw new TokenError(
      'TOKEN_TOO_OLD',
      `The token was issued ${seconds(nowMs - issuedAtMs!)} ago; at most ${seconds(maxTokenAgeMs)} are allowed.`,
    );
  }
  const endMs = Math.min(expiresAtMs ?? Infinity, oldestMs);
  return issuedAtMs === undefined ? { endMs } : { endMs, issuedAtMs };
}

function userIdOf(claims: Claims, { userClaims }: ClaimPolicy): string {
  const name = userClaims.find((claim) => Object.hasOwn(claims, claim) && claims[claim] !== null);
  if (name === undefined) missing(userClaims.join(' or '), 'it holds the user id');
  const value = claims[name];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value !== 'string' || value === '' || value.length > MAX_USER_ID_LENGTH || !isPlain(value)) {
    invalid(
      name,
      value,
      `text of 1..${MAX_USER_ID_LENGTH} characters of Unicode without control characters, or an integer`,
    );
  }
  return value;
}

/** Half of a surrogate pair becomes U+FFFD in UTF-8: different ids would be one user in Redis and in channel names. */
function isPlain(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}

function appOf(claims: Claims): string {
  const { app } = claims;
  if (app === undefined) return DEFAULT_APP;
  if (typeof app !== 'string' || !APP_NAME.test(app))
    invalid('app', app, '1..64 characters of A-Z a-z 0-9 _ . -');
  return app;
}

/** Names are decoration for the application: a value that is no short text is left out, not refused. */
function optionalText(claims: Claims, claim: string): string | undefined {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  return isShortText(value) ? value : undefined;
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH && value.isWellFormed();
}

/** One role, or a list of them. What is none is left out as a whole, and that is told. */
function rolesOf(claims: Claims, { roleClaim, onIgnoredClaim }: ClaimPolicy): readonly string[] {
  const value = Object.hasOwn(claims, roleClaim) ? claims[roleClaim] : undefined;
  if (value === undefined || value === null || value === '') return NO_ROLES;
  const roles: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (roles.length <= MAX_ROLES && roles.every(isShortText)) return Object.freeze([...new Set(roles)]);
  onIgnoredClaim(
    roleClaim,
    `a text of 1 to ${MAX_TEXT_LENGTH} characters, or a list of at most ${MAX_ROLES} of them`,
  );
  return NO_ROLES;
}

function capabilitiesOf(claims: Claims, policy: ClaimPolicy): Capabilities {
  const claim = claims.capabilities === undefined ? claims.caps : claims.capabilities;
  return claim === undefined ? policy.defaultCapabilities : policy.compile(claim);
}

function sessionClaimsOf(claims: Claims): Readonly<Record<string, unknown>> {
  const session: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(claims)) if (!REGISTERED.has(name)) session[name] = claims[name];
  return Object.freeze(session);
}

/**
 * Checks the claims of a token whose signature is good and makes the identity out of them.
 *
 * @throws {TokenError} with what was expected and what came.
 */
export function identityOf(claims: Claims, nowMs: number, policy: ClaimPolicy): VerifiedToken {
  checkIssuer(claims, policy);
  checkAudience(claims, policy);
  const { endMs, issuedAtMs } = checkTimes(claims, nowMs, policy);
  const roles = rolesOf(claims, policy);
  return Object.freeze({
    userId: userIdOf(claims, policy),
    app: appOf(claims),
    role: roles[0],
    roles,
    name: optionalText(claims, policy.nameClaim),
    capabilities: capabilitiesOf(claims, policy),
    sessionClaims: sessionClaimsOf(claims),
    expiresAtMs: endMs,
    validUntilMs: endMs + policy.leewayMs,
    issuedAtMs,
    tokenId: optionalText(claims, 'jti'),
  });
}
