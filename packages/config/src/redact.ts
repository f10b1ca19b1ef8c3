import { createHmac } from 'node:crypto';
import type { Secrecy } from './setting.ts';

const MAX_SHOWN = 120;
const MIN_FINGERPRINTED = 32;
const NOT_SHOWN = '(not shown: may contain a password)';
const PARTS =
  /^(?<scheme>[a-z][a-z0-9+.-]*:\/\/)(?:(?<access>[^/?#]*)@)?(?<hosts>[^@/?#]*)(?<path>\/[^@?#]*)?(?<query>\?[^#]*)?$/i;

/**
 * Eight hex digits that are equal for equal secrets, so that two services' logs can be compared. 32 bits of a keyed hash:
 * enough to tell two secrets apart, useless for finding one that has the required length.
 */
export function secretFingerprint(secret: string): string {
  return createHmac('sha256', 'carillon secret fingerprint v1').update(secret).digest('hex').slice(0, 8);
}

/** The URL without its password. Text of any other form is not shown at all: it may hold a password in a broken form. */
export function redactUrlPassword(given: string): string {
  const { scheme, access = '', hosts, path = '', query = '' } = PARTS.exec(given)?.groups ?? {};
  const [user = '', password] = access.split(/:(.*)/s);
  if (scheme === undefined || hosts === undefined || user.includes('@') || /^[^=]*@/.test(query))
    return NOT_SHOWN;
  const shownAccess = access === '' ? '' : `${user}${password === undefined ? '' : ':***'}@`;
  const shownQuery = query.replaceAll(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*/gi, '$1***');
  return `${scheme}${shownAccess}${hosts}${path}${shownQuery}`;
}

/** Short secrets have no fingerprint: all texts of their length could be tried. */
function describeSecret(given: string): string {
  const length = `secret, ${given.length} characters`;
  return given.length < MIN_FINGERPRINTED
    ? `(${length})`
    : `(${length}, fingerprint ${secretFingerprint(given)})`;
}

/** Of a secret that is long enough to have one. */
export function fingerprintOf(given: string, secrecy: Secrecy): string | undefined {
  return secrecy === 'secret' && given.length >= MIN_FINGERPRINTED ? secretFingerprint(given) : undefined;
}

/** A value as it may stand in a log or an error. */
export function redact(given: string, secrecy: Secrecy): string {
  if (secrecy === 'secret') return describeSecret(given);
  const shown = secrecy === 'url' ? redactUrlPassword(given) : given;
  const cut = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}...` : shown;
  return JSON.stringify(cut);
}
