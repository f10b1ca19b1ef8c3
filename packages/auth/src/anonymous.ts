import type { CapabilitiesClaim } from '@carillon/protocol';
import { compileCapabilities } from './capabilities.ts';
import { NO_ROLES } from './claims.ts';
import { DEFAULT_APP, type Identity } from './identity.ts';

/** Capabilities of clients without a token. */
export interface AnonymousPolicy {
  readonly capabilities: CapabilitiesClaim;
  readonly app?: string;
}

/**
 * The identity of clients without a token; `undefined` when the policy is absent: they are refused. Make it once and
 * share it.
 *
 * @throws {TokenError} TOKEN_CLAIM_INVALID when the capabilities are wrong.
 */
export function anonymousIdentity(policy: AnonymousPolicy | undefined): Identity | undefined {
  if (policy === undefined) return undefined;
  return Object.freeze({
    userId: undefined,
    app: policy.app ?? DEFAULT_APP,
    role: undefined,
    roles: NO_ROLES,
    name: undefined,
    capabilities: compileCapabilities(policy.capabilities),
    sessionClaims: Object.freeze(Object.create(null) as Record<string, unknown>),
    expiresAtMs: undefined,
    validUntilMs: undefined,
    issuedAtMs: undefined,
    tokenId: undefined,
  });
}
