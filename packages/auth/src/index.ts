export type { AnonymousPolicy } from './anonymous.ts';
export { anonymousIdentity } from './anonymous.ts';
export type { Capabilities } from './capabilities.ts';
export {
  ALL_CAPABILITIES,
  allows,
  compileCapabilities,
  NO_CAPABILITIES,
  patternsAllowing,
} from './capabilities.ts';
export { MAX_TOKEN_LENGTH } from './compact-jwt.ts';
export type { ExtractedToken, TokenCarriers, TokenSource } from './extract-token.ts';
export {
  extractToken,
  redactUrl,
  tokenFromAuthorization,
  tokenFromQuery,
  tokenFromSubprotocols,
} from './extract-token.ts';
export type { Identity, VerifiedToken } from './identity.ts';
export { DEFAULT_APP } from './identity.ts';
export type { MintOptions } from './mint.ts';
export { mintToken } from './mint.ts';
export type { JwtAlgorithm } from './signature.ts';
export type { TokenErrorCode } from './token-error.ts';
export { TokenError } from './token-error.ts';
export type { TokenVerifier, TokenVerifierDeps, TokenVerifierOptions } from './verifier.ts';
export { createTokenVerifier } from './verifier.ts';
