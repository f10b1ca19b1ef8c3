import { randomUUID } from 'node:crypto';
import type { CapabilitiesClaim } from '@carillon/protocol';
import { SignJWT } from 'jose';

export interface MintOptions {
  /** Secret of HS256, at least 32 bytes. */
  readonly secret: string;
  readonly userId: string;
  readonly capabilities?: CapabilitiesClaim;
  /** Default 1 h. */
  readonly expiresInMs?: number;
  readonly issuer?: string;
  readonly audience?: string | readonly string[];
  readonly app?: string;
  readonly role?: string;
  readonly name?: string;
  /** Default: random. */
  readonly tokenId?: string;
  /** Further claims. They don't replace those above. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. Default: now. */
  readonly issuedAtMs?: number;
}

const MIN_SECRET_BYTES = 32;

/**
 * Makes an HS256 token.
 *
 * @throws {RangeError} for a secret below 32 bytes.
 */
export async function mintToken(options: MintOptions): Promise<string> {
  const key = Buffer.from(options.secret);
  if (key.length < MIN_SECRET_BYTES) {
    throw new RangeError(`the secret has ${key.length} bytes; HS256 needs at least ${MIN_SECRET_BYTES}`);
  }
  const issuedAt = Math.floor((options.issuedAtMs ?? Date.now()) / 1000);
  const { capabilities, app, role, name, issuer, audience } = options;
  const token = new SignJWT({
    ...options.claims,
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(app === undefined ? {} : { app }),
    ...(role === undefined ? {} : { role }),
    ...(name === undefined ? {} : { name }),
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(options.userId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.floor((options.expiresInMs ?? 3_600_000) / 1000))
    .setJti(options.tokenId ?? randomUUID());
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(typeof audience === 'string' ? audience : [...audience]);
  return token.sign(key);
}
