import { createHmac } from 'node:crypto';
import type { Secrecy } from './setting.ts';

const MAX_SHOWN = 120;
const MIN_FINGERPRINTED = 32;
/** No URL to the platform, as there are commas after the port. */
const SEVERAL_HOSTS = /^rediss?\+(cluster|sentinel):\/\//;

/**
 * Eight hex digits that are equal for equal secrets, so that two services' logs can be compared. 32 bits of a keyed hash:
 * enough to tell two secrets apart, useless for finding one that has the required length.
 */
export function secretFingerprint(secret: string): string {
  return createHmac('sha256', 'carillon secret fingerprint v1').update(secret).digest('hex').slice(0, 8);
}

/** The URL without its password. Text that is no URL with `//` is not shown at all: it may hold a password in a broken form. */
export function redactUrlPassword(given: string): string {
  if (SEVERAL_HOSTS.test(given))
    return given
      .replace(/^([^:]+:\/\/[^:@/]*):.*@/, '$1:***@')
      .replace(/(\?[^=]*(?:pass|secret|token|key)[^=]*=).*/i, '$1***');
  // `user:password@host` is a URL too, of the scheme `user`.
  if (!URL.canParse(given) || !/^[^:]+:\/\//.test(given)) return '(not shown: may contain a password)';
  const parsed = new URL(given);
  if (parsed.password !== '') parsed.password = '***';
  for (const name of parsed.searchParams.keys()) {
    if (/pass|secret|token|key/i.test(name)) parsed.searchParams.set(name, '***');
  }
  return parsed.href;
}

/** Short secrets have no fingerprint: all texts of their length could be tried. */
function describeSecret(given: string): string {
  const length = `secret, ${given.length} characters`;
  return given.length < MIN_FINGERPRINTED
    ? `(${length})`
    : `(${length}, fingerprint ${secretFingerprint(given)})`;
}

/** A value as it may stand in a log or an error. */
export function redact(given: string, secrecy: Secrecy): string {
  if (secrecy === 'secret') return describeSecret(given);
  const shown = secrecy === 'url' ? redactUrlPassword(given) : given;
  const cut = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}...` : shown;
  return JSON.stringify(cut);
}
