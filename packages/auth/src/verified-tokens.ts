import { createHash } from 'node:crypto';
import type { VerifiedToken } from './identity.ts';

interface Entry {
  readonly verified: VerifiedToken;
  readonly untilMs: number;
  readonly keyVersion: number;
}

/** Results of costly verifications, so that a storm of reconnects doesn't repeat them. Holds hashes, never tokens. */
export interface VerifiedTokens {
  /** A result that is still good under this version of the keys. */
  get(token: string, nowMs: number, keyVersion: number): VerifiedToken | undefined;
  set(token: string, verified: VerifiedToken, nowMs: number, keyVersion: number): void;
}

/** Long enough for a reconnect, short enough that nothing depends on it. */
const MAX_ENTRY_AGE_MS = 300_000;

function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

/** Keeps up to `maxEntries` results, the oldest goes first; none beyond the token's own end. */
export function createVerifiedTokens(maxEntries: number): VerifiedTokens {
  const entries = new Map<string, Entry>();
  return {
    get(token, nowMs, keyVersion) {
      if (entries.size === 0) return undefined;
      const key = keyOf(token);
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (nowMs < entry.untilMs && entry.keyVersion === keyVersion) return entry.verified;
      entries.delete(key);
      return undefined;
    },
    set(token, verified, nowMs, keyVersion) {
      if (maxEntries === 0) return;
      if (entries.size >= maxEntries) entries.delete(entries.keys().next().value!);
      const untilMs = Math.min(verified.validUntilMs, nowMs + MAX_ENTRY_AGE_MS);
      entries.set(keyOf(token), { verified, untilMs, keyVersion });
    },
  };
}
