/** Error for an option: its name, the given and the allowed values. Never contains a value that may be a secret. */
function wrong(name: string, given: string, allowed: string): TypeError {
  return new TypeError(`Option ${name} is ${given}; give ${allowed}`);
}

/** @throws TypeError for a name that is none of `known`: a typo would be an option that has no effect */
export function checkNames(given: object | undefined, known: readonly string[], prefix = ''): void {
  for (const name of Object.keys(given ?? {}))
    if (!known.includes(name))
      throw new TypeError(`Option ${prefix}${name} is unknown; known are ${known.join(', ')}`);
}

/**
 * An id as one segment of a path.
 * @throws TypeError for an id that no URL can have there: `.` and `..` lead to another route, however they are encoded
 */
export function pathSegment(what: string, id: unknown): string {
  if (typeof id !== 'string') throw wrong(what, typeof id, 'a string');
  if (id === '' || id === '.' || id === '..')
    throw wrong(what, `"${id}"`, 'another one: no address can have this one in its path');
  return encodeURIComponent(id);
}

function parseUrl(url: unknown): URL | undefined {
  try {
    return new URL(String(url).replace(/^ws/, 'http'));
  } catch {
    return undefined;
  }
}

/**
 * The address as one with `https:` or `http:`, below which the routes are: without a slash, and without the `/v1/ws` that clients
 * may have at its end.
 * @throws TypeError when it is none of a gateway
 */
export function httpAddress(url: unknown): string {
  const parsed = parseUrl(url);
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw wrong('url', `"${url}"`, 'an http:, https:, ws: or wss: address, e.g. https://rt.example.com');
  if (parsed.search !== '' || parsed.hash !== '')
    throw wrong(
      'url',
      `one with "${parsed.search}${parsed.hash}"`,
      'an address without a query or a fragment',
    );
  return parsed.href.replace(/(\/v1\/ws)?\/*$/, '');
}

/** @throws TypeError when it is not a number in the range */
export function checkNumber(name: string, given: unknown, min: number, max: number): void {
  if (given === undefined || (typeof given === 'number' && given >= min && given <= max)) return;
  throw wrong(name, `${given} (${typeof given})`, `a number from ${min} to ${max}`);
}

/** A longer timer would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

const MIN_SECRET_BYTES = 32;

/**
 * The bytes of a secret for HS256.
 * @throws TypeError when it is no text
 * @throws RangeError below 32 bytes
 */
export function secretKey(name: string, secret: unknown): Uint8Array {
  if (typeof secret !== 'string')
    throw wrong(name, typeof secret, `the text of the gateways' CARILLON_JWT_SECRET`);
  const key = new TextEncoder().encode(secret);
  if (key.length >= MIN_SECRET_BYTES) return key;
  throw new RangeError(
    `Option ${name}: the secret has ${key.length} bytes; HS256 needs at least ${MIN_SECRET_BYTES}`,
  );
}

export interface Credentials {
  readonly token?: unknown;
  readonly jwtSecret?: unknown;
}

/**
 * A variable that is not set must not make an anonymous back end.
 * @throws TypeError
 * @throws RangeError for a secret below 32 bytes
 */
export function checkCredentials(options: Credentials): void {
  const { token, jwtSecret } = options;
  if (token !== undefined && typeof token !== 'string' && typeof token !== 'function')
    throw wrong('token', typeof token, 'a string, or a function that gives one');
  if (jwtSecret !== undefined) secretKey('jwtSecret', jwtSecret);
  if (token !== undefined || jwtSecret !== undefined) return;
  for (const name of ['jwtSecret', 'token'] as const)
    if (name in options) throw wrong(name, 'undefined', 'one, or leave it out for an anonymous client');
}
