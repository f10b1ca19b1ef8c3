import { createSecretKey, type KeyObject } from 'node:crypto';
import type { CapabilitiesClaim } from '@carillon/protocol';
import { NO_CAPABILITIES } from './capabilities.ts';
import { createCapabilityStore } from './capability-store.ts';
import { type ClaimPolicy, identityOf } from './claims.ts';
import { type CompactJwt, parseClaims, parseCompactJwt } from './compact-jwt.ts';
import type { VerifiedToken } from './identity.ts';
import { createKeySet, type KeySet } from './key-set.ts';
import {
  type AsymmetricAlgorithm,
  hmacIsValid,
  type JwtAlgorithm,
  type PublicKey,
  publicKeyFromPem,
  signatureIsValid,
} from './signature.ts';
import { shown, TokenError } from './token-error.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

/** Keys and demands. `authSettings` of `@carillon/config` gives an object of this shape. */
export interface TokenVerifierOptions {
  /** For HS256. */
  readonly secret?: string | undefined;
  /** PEM of a public key or certificate, for the algorithm of its kind of key. */
  readonly publicKey?: string | undefined;
  readonly jwksUrl?: string | undefined;
  /** Default: those that the keys are for (with a JWKS: RS256, ES256, EdDSA). */
  readonly algorithms?: readonly JwtAlgorithm[] | undefined;
  readonly issuers?: readonly string[] | undefined;
  readonly audiences?: readonly string[] | undefined;
  /** Default `sub`, `userId`, `user_id`: the first that a token has. */
  readonly userClaims?: readonly string[] | undefined;
  readonly roleClaim?: string | undefined;
  readonly nameClaim?: string | undefined;
  /** Default 60 s. */
  readonly leewayMs?: number | undefined;
  /** Default 24 h; 0: age not checked. */
  readonly maxTokenAgeMs?: number | undefined;
  /** Of tokens without a `capabilities` claim. Default: none. */
  readonly defaultCapabilities?: CapabilitiesClaim | undefined;
  /** Results of public-key verifications that are remembered. Default 10000, 0 for none. */
  readonly maxRememberedTokens?: number | undefined;
}

/** Clock, fetch and observers of a verifier; tests replace them. Absent: the real ones. */
export interface TokenVerifierDeps {
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
  /** Told when the key set can't be read, for the log. */
  readonly onKeySetFault?: (fault: Error) => void;
  /** Told when a good token has a claim that can't be used, for the log. */
  readonly onIgnoredClaim?: (claim: string, allowed: string) => void;
}

export interface TokenVerifier {
  /** The algorithms that are accepted. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** @throws {TokenError} (as a rejection) with what was expected and what came. */
  verify(token: string): Promise<VerifiedToken>;
  /** As `verify`, at once for HS256: nothing has to be waited for. @throws {TokenError} at once or as a rejection */
  verifyNow(token: string): VerifiedToken | Promise<VerifiedToken>;
  /** Reads the key set ahead of the first token. Never rejects. */
  preload(): Promise<void>;
}

interface Keys {
  readonly secret: KeyObject | undefined;
  readonly publicKey: PublicKey | undefined;
  readonly keySet: KeySet | undefined;
}

function algorithmsOf({ secret, publicKey, keySet }: Keys): readonly JwtAlgorithm[] {
  const symmetric: readonly JwtAlgorithm[] = secret === undefined ? [] : ['HS256'];
  if (keySet !== undefined) return [...symmetric, 'RS256', 'ES256', 'EdDSA'];
  return publicKey === undefined ? symmetric : [...symmetric, publicKey.algorithm];
}

function claimPolicy(options: TokenVerifierOptions, deps: TokenVerifierDeps): ClaimPolicy {
  const compile = createCapabilityStore();
  return {
    issuers: options.issuers ?? [],
    audiences: options.audiences ?? [],
    userClaims: options.userClaims ?? ['sub', 'userId', 'user_id'],
    roleClaim: options.roleClaim ?? 'role',
    nameClaim: options.nameClaim ?? 'name',
    leewayMs: options.leewayMs ?? 60_000,
    maxTokenAgeMs: options.maxTokenAgeMs ?? 86_400_000,
    defaultCapabilities:
      options.defaultCapabilities === undefined ? NO_CAPABILITIES : compile(options.defaultCapabilities),
    compile,
    onIgnoredClaim: deps.onIgnoredClaim ?? (() => undefined),
  };
}

function importKeys(options: TokenVerifierOptions, deps: TokenVerifierDeps): Keys {
  const { secret, publicKey, jwksUrl } = options;
  return {
    secret: secret === undefined ? undefined : createSecretKey(Buffer.from(secret)),
    publicKey: publicKey === undefined ? undefined : publicKeyFromPem(publicKey),
    keySet:
      jwksUrl === undefined
        ? undefined
        : createKeySet({
            url: jwksUrl,
            ...(deps.now === undefined ? {} : { now: deps.now }),
            ...(deps.fetch === undefined ? {} : { fetch: deps.fetch }),
            ...(deps.onKeySetFault === undefined ? {} : { onFault: deps.onKeySetFault }),
          }),
  };
}

/**
 * Makes a verifier. Keys are imported once, each bound to the algorithm of its own kind: HS256 is checked with the
 * secret and nothing else, so a public key can't be abused as one.
 *
 * @throws {TypeError} for a public key that can't be used.
 */
export function createTokenVerifier(
  options: TokenVerifierOptions,
  deps: TokenVerifierDeps = {},
): TokenVerifier {
  const keys = importKeys(options, deps);
  const algorithms = options.algorithms ?? algorithmsOf(keys);
  const policy = claimPolicy(options, deps);
  const now = deps.now ?? Date.now;
  const remembered = createVerifiedTokens(options.maxRememberedTokens ?? 10_000);

  async function verifyAsymmetric(token: string, jwt: CompactJwt, algorithm: AsymmetricAlgorithm) {
    const version = keys.keySet?.version ?? 0;
    const known = remembered.get(token, now(), version);
    if (known !== undefined) return known;
    const candidates = await candidateKeys(keys, algorithm, jwt.header.kid);
    await demandSignature(jwt, candidates);
    const verified = identityOf(parseClaims(jwt), now(), policy);
    // The keys may have changed while the signature was checked: under their new version nothing is known of this token.
    remembered.set(token, verified, now(), version);
    return verified;
  }

  function verifyNow(token: string): VerifiedToken | Promise<VerifiedToken> {
    const jwt = parseCompactJwt(token);
    const algorithm = allowedAlgorithm(jwt, algorithms);
    if (algorithm !== 'HS256') return verifyAsymmetric(token, jwt, algorithm);
    if (keys.secret === undefined || !hmacIsValid(jwt.signingInput, jwt.signature, keys.secret)) {
      refuseSignature('it was not signed with the secret of this service');
    }
    return identityOf(parseClaims(jwt), now(), policy);
  }

  return {
    algorithms,
    verifyNow,
    async verify(token) {
      return await verifyNow(token);
    },
    async preload() {
      await keys.keySet?.preload();
    },
  };
}

function allowedAlgorithm({ header }: CompactJwt, algorithms: readonly JwtAlgorithm[]): JwtAlgorithm {
  // RFC 9864 gives EdDSA on Ed25519 a name of its own.
  const name = header.alg === 'Ed25519' ? 'EdDSA' : header.alg;
  const allowed = algorithms.find((algorithm) => algorithm === name);
  if (allowed !== undefined) return allowed;
  const list = algorithms.length === 0 ? 'none, this service has no keys' : algorithms.join(', ');
  throw new TokenError(
    'TOKEN_ALGORITHM_NOT_ALLOWED',
    `The token is signed with the algorithm ${shown(header.alg)}; allowed: ${list}.`,
  );
}

async function candidateKeys(
  { publicKey, keySet }: Keys,
  algorithm: AsymmetricAlgorithm,
  kid: string | undefined,
): Promise<readonly PublicKey[]> {
  const own = publicKey?.algorithm === algorithm ? [publicKey] : [];
  const candidates = keySet === undefined ? own : [...own, ...(await keySet.candidates(algorithm, kid))];
  if (candidates.length > 0) return candidates;
  const named = kid === undefined ? '' : ` and the kid ${shown(kid)}`;
  return refuseSignature(`there is no key for ${algorithm}${named}`);
}

async function demandSignature(jwt: CompactJwt, candidates: readonly PublicKey[]): Promise<void> {
  for (const key of candidates) {
    if (await signatureIsValid(jwt.signingInput, jwt.signature, key)) return;
  }
  refuseSignature(`it does not fit the ${candidates[0]?.algorithm} public key of this service`);
}

function refuseSignature(reason: string): never {
  throw new TokenError('TOKEN_SIGNATURE_INVALID', `The token's signature is not valid: ${reason}.`);
}
