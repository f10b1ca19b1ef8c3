import type { Capabilities } from './capabilities.ts';

/** The user that a connection or request acts for, and its capabilities. */
export interface Identity {
  /** Absent for anonymous clients. */
  readonly userId: string | undefined;
  /** The tenant; `default` when the token names none. */
  readonly app: string;
  /** The first of `roles`. */
  readonly role: string | undefined;
  /** In the order of the token; empty when it names none. */
  readonly roles: readonly string[];
  /** Display name. */
  readonly name: string | undefined;
  readonly capabilities: Capabilities;
  /** The token's claims other than the registered ones and the capabilities. Has no prototype. */
  readonly sessionClaims: Readonly<Record<string, unknown>>;
  /** End of validity to be told to the client: `exp`, or `iat` + max token age when that is earlier. Milliseconds since 1970. */
  readonly expiresAtMs: number | undefined;
  /** When to end what the token allowed: `expiresAtMs` and the leeway. May be further away than a timer can count. */
  readonly validUntilMs: number | undefined;
  /** `iat` in milliseconds since 1970, by the issuer's clock. */
  readonly issuedAtMs: number | undefined;
  /** `jti`. */
  readonly tokenId: string | undefined;
}

/** The identity that a valid token gives. */
export interface VerifiedToken extends Identity {
  readonly userId: string;
  readonly expiresAtMs: number;
  readonly validUntilMs: number;
}

/** App of tokens that name none. */
export const DEFAULT_APP = 'default';
