import { createPublicKey } from 'node:crypto';
import type { Kind } from './setting.ts';

export type JwtAlgorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';

/** RFC 7518 section 3.2: an HS256 key is at least as long as the hash. */
const MIN_SECRET_BYTES = 32;
const MAX_SECRET_BYTES = 4096;

/** A secret for HS256. */
export const signingSecret: Kind<string> = {
  allowed: `at least ${MIN_SECRET_BYTES} bytes of text that can't be guessed`,
  format: () => '(secret)',
  parse: (given) => {
    const length = Buffer.byteLength(given);
    if (length < MIN_SECRET_BYTES) return { fault: `it has ${length} bytes` };
    if (length > MAX_SECRET_BYTES) return { fault: `it has ${length} bytes, more than ${MAX_SECRET_BYTES}` };
    if (given.includes('-----BEGIN'))
      return { fault: 'it is a PEM key; those belong in CARILLON_JWT_PUBLIC_KEY' };
    return { value: given };
  },
};

/** The algorithm that a public key in PEM form is for; `undefined` for kinds of key that no algorithm takes. */
export function keyAlgorithm(pem: string): JwtAlgorithm | undefined {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
}

function rsaTooShort(pem: string): boolean {
  const bits = createPublicKey(pem).asymmetricKeyDetails?.modulusLength;
  return bits !== undefined && bits < 2048;
}

/** A public key or certificate in PEM form. The value has real line breaks. */
export const publicKeyPem: Kind<string> = {
  allowed: 'PEM of an RSA (2048 bits or more), P-256 or Ed25519 public key, or a certificate with one',
  format: () => '(PEM)',
  parse: (given) => {
    if (given.includes('PRIVATE KEY'))
      return { fault: 'it is a private key, which this service must not have' };
    const pem = given.replaceAll('\\n', '\n');
    try {
      if (keyAlgorithm(pem) === undefined) return { fault: 'its kind of key is not supported' };
      return rsaTooShort(pem) ? { fault: 'its RSA modulus is below 2048 bits' } : { value: pem };
    } catch {
      // OpenSSL's reasons ("DECODER routines::unsupported") help nobody; `allowed` says what to give.
      return { fault: 'it is not a readable PEM public key' };
    }
  },
};
