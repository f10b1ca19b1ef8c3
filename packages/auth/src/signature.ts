import {
  createHmac,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto';

/** The algorithms that tokens may be signed with. */
export type JwtAlgorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';
export type AsymmetricAlgorithm = Exclude<JwtAlgorithm, 'HS256'>;

/** A key with the one algorithm that it is used for: what a token says about itself never decides how a key is used. */
export interface PublicKey {
  readonly algorithm: AsymmetricAlgorithm;
  readonly key: KeyObject;
}

/** RFC 7518 section 3.3. */
const MIN_RSA_BITS = 2048;

function algorithmOf(key: KeyObject): AsymmetricAlgorithm | undefined {
  if (key.asymmetricKeyType === 'rsa') {
    return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS ? 'RS256' : undefined;
  }
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
}

/**
 * A key from PEM (public key or certificate).
 *
 * @throws {TypeError} for private keys and kinds of key that no algorithm takes.
 */
export function publicKeyFromPem(pem: string): PublicKey {
  if (pem.includes('PRIVATE KEY')) throw new TypeError('a private key was given where a public key belongs');
  const key = createPublicKey(pem);
  const algorithm = algorithmOf(key);
  if (algorithm === undefined)
    throw new TypeError('the public key is not RSA (2048 bits or more), P-256 or Ed25519');
  return { algorithm, key };
}

/** A key from a JWK; `undefined` for what can't verify tokens here (secrets, encryption keys, other curves). */
export function publicKeyFromJwk(jwk: Readonly<Record<string, unknown>>): PublicKey | undefined {
  if (jwk.kty === 'oct' || jwk.d !== undefined) return undefined;
  if (jwk.use !== undefined && jwk.use !== 'sig') return undefined;
  if (Array.isArray(jwk.key_ops) && !jwk.key_ops.includes('verify')) return undefined;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    // A set may hold keys of kinds that this runtime doesn't know; the others are usable all the same.
    return undefined;
  }
  const algorithm = algorithmOf(key);
  const declared = jwk.alg === 'Ed25519' ? 'EdDSA' : jwk.alg;
  if (algorithm === undefined || (declared !== undefined && declared !== algorithm)) return undefined;
  return { algorithm, key };
}

/**
 * HS256, in one go on this thread: 5 us with parsing, where Web Crypto (jose) takes 60 to 100 us for its round trip
 * through the thread pool (Node 24, two cores). At 8,000 connections a second that is half a core.
 */
export function hmacIsValid(signingInput: string, signature: Buffer, secret: KeyObject): boolean {
  const expected = createHmac('sha256', secret).update(signingInput).digest();
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

/** RS256, ES256, EdDSA. These take 20 to 100 us each, so they go to the thread pool and other connections go on. */
export function signatureIsValid(
  signingInput: string,
  signature: Buffer,
  { algorithm, key }: PublicKey,
): Promise<boolean> {
  const hash = algorithm === 'EdDSA' ? null : 'sha256';
  const keyInput = algorithm === 'ES256' ? ({ key, dsaEncoding: 'ieee-p1363' } as const) : key;
  return new Promise((resolve, reject) => {
    verify(hash, Buffer.from(signingInput), keyInput, signature, (error, valid) => {
      if (error === null) resolve(valid);
      else reject(error);
    });
  });
}
