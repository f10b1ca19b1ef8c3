import { randomUUID } from 'node:crypto';
import type { CapabilitiesClaim } from '@carillon/protocol';
import { SignJWT } from 'jose';
import { checkNames, checkNumber, secretKey } from './check-options.ts';

export interface MintTokenOptions {
  /** The secret that the gateways verify with (`CARILLON_JWT_SECRET`), at least 32 bytes. */
  readonly secret: string;
  readonly userId: string;
  /** Capabilities, e.g. `{ 'chat:*': ['subscribe', 'publish'] }`. Absent: the installation's default capabilities. */
  readonly capabilities?: CapabilitiesClaim;
  /** 1000 (1 s) or more. Default 3,600,000 (1 h). */
  readonly expiresInMs?: number;
  readonly issuer?: string;
  readonly audience?: string | readonly string[];
  /** Further claims. They don't replace those above. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

const OPTIONS = ['secret', 'userId', 'capabilities', 'expiresInMs', 'issuer', 'audience', 'claims'];
const HOUR_MS = 3_600_000;

/** Makes a token for a client, signed with HS256. @throws RangeError for a secret below 32 bytes, TypeError for other options. */
export async function mintToken(options: MintTokenOptions): Promise<string> {
  const { capabilities, issuer, audience } = options;
  checkNames(options, OPTIONS);
  const key = secretKey('secret', options.secret);
  if (typeof options.userId !== 'string' || options.userId === '')
    throw new TypeError(
      `Option userId is ${options.userId === '' ? 'empty' : typeof options.userId}; give the id of the user`,
    );
  checkNumber('expiresInMs', options.expiresInMs, 1000, Number.MAX_SAFE_INTEGER);
  const issuedAt = Math.floor(Date.now() / 1000);
  const token = new SignJWT({ ...options.claims, ...(capabilities === undefined ? {} : { capabilities }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(options.userId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.floor((options.expiresInMs ?? HOUR_MS) / 1000))
    .setJti(randomUUID());
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(typeof audience === 'string' ? audience : [...audience]);
  return token.sign(key);
}
