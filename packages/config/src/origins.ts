import { domainToASCII } from 'node:url';
import type { Kind } from './setting.ts';

/** Tells whether a page of `origin` may use the service. */
export interface OriginMatcher {
  /**
   * @param origin the request's `Origin` header. Requests without one don't come from a browser page and need no check.
   * @param requestHost the request's `Host` header. A page served from this very host is always allowed.
   */
  allows(origin: string, requestHost?: string): boolean;
  /** As `allows`, but for what only `*` allows: with credentials every page could act as the user who looks at it. */
  allowsCredentials(origin: string, requestHost?: string): boolean;
}

const SCHEME = '[a-z][a-z0-9+.-]*';
const LABEL = '[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?';
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:.]+\\])`;
const ORIGIN = new RegExp(`^(${SCHEME})://(${HOST})(?::(\\d{1,5}))?$`);
const WILDCARD = new RegExp(`^(https?)://\\*\\.(${LABEL}(?:\\.${LABEL})*)(?::(\\d{1,5}))?$`);
/** No origin that a browser sends is longer: 253 characters of host, scheme and port. */
const MAX_ORIGIN_LENGTH = 300;

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['http', '80'],
  ['https', '443'],
]);

interface OriginParts {
  readonly scheme: string;
  readonly host: string;
  /** '' when it is the scheme's default. */
  readonly port: string;
}

function parts(match: RegExpExecArray | null): OriginParts | undefined {
  if (match === null) return undefined;
  const [, scheme = '', host = '', port = ''] = match;
  if (port !== '' && Number(port) > 65_535) return undefined;
  return { scheme, host, port: DEFAULT_PORTS.get(scheme) === port ? '' : port };
}

function parseOrigin(origin: string): OriginParts | undefined {
  if (origin.length > MAX_ORIGIN_LENGTH) return undefined;
  return parts(ORIGIN.exec(origin.toLowerCase()));
}

function serialise({ scheme, host, port }: OriginParts): string {
  return `${scheme}://${host}${port === '' ? '' : `:${port}`}`;
}

/** Browsers send the ASCII form of international names. */
function toAsciiHost(entry: string): string {
  const match = /^([^:]+:\/\/(?:\*\.)?)([\p{L}\p{M}\p{N}.-]+)(.*)$/u.exec(entry);
  if (match === null) return entry;
  const [, before = '', host = '', after = ''] = match;
  return `${before}${domainToASCII(host)}${after}`;
}

/** One entry of `CARILLON_ALLOWED_ORIGINS`. The value is the entry in the form that browsers send. */
export const originEntry: Kind<string> = {
  allowed:
    'an origin (https://app.example.com), https://*.example.com for all subdomains, or * for every origin',
  format: String,
  parse: (given) => {
    if (given === '*') return { value: given };
    if (given.toLowerCase() === 'null') return { fault: 'null is the origin of every sandboxed page' };
    const ascii = toAsciiHost(given.toLowerCase().replace(/\/$/, ''));
    const wildcard = parts(WILDCARD.exec(ascii));
    if (wildcard !== undefined) return { value: serialise({ ...wildcard, host: `*.${wildcard.host}` }) };
    const exact = parseOrigin(ascii);
    return exact === undefined ? { fault: '' } : { value: serialise(exact) };
  },
};

interface Wildcard {
  readonly prefix: string;
  readonly suffix: string;
}

/** `origin` was parsed and written again, so what stands between prefix and suffix is made of whole labels. */
function matchesWildcard(origin: string, { prefix, suffix }: Wildcard): boolean {
  if (origin.length <= prefix.length + suffix.length) return false;
  return origin.startsWith(prefix) && origin.endsWith(suffix);
}

/** The port of a Host header is left out for either default, since a proxy may have ended TLS. */
function isSameHost(origin: OriginParts, requestHost: string): boolean {
  const host = requestHost.toLowerCase();
  if (host === (origin.port === '' ? origin.host : `${origin.host}:${origin.port}`)) return true;
  const defaultPort = DEFAULT_PORTS.get(origin.scheme);
  return origin.port === '' && defaultPort !== undefined && host === `${origin.host}:${defaultPort}`;
}

/**
 * Compiles a list of allowed origins: exact ones, `https://*.example.com` (any depth of subdomain, not the domain
 * itself), `*`. An empty list allows only pages of the service's own host.
 *
 * @throws {TypeError} for an entry that {@link originEntry} refuses.
 */
export function createOriginMatcher(entries: readonly string[]): OriginMatcher {
  const exact = new Set<string>();
  const wildcards: Wildcard[] = [];
  for (const entry of entries) {
    const parsed = originEntry.parse(entry);
    if ('fault' in parsed) throw new TypeError(`${JSON.stringify(entry)} is not ${originEntry.allowed}`);
    const star = parsed.value.indexOf('*.');
    if (star < 0) exact.add(parsed.value);
    else wildcards.push({ prefix: parsed.value.slice(0, star), suffix: parsed.value.slice(star + 1) });
  }
  const everything = exact.has('*');
  const allowsCredentials = (origin: string, requestHost?: string): boolean => {
    const parsed = parseOrigin(origin);
    if (parsed === undefined) return false;
    const normal = serialise(parsed);
    if (exact.has(normal) || wildcards.some((wildcard) => matchesWildcard(normal, wildcard))) return true;
    return requestHost !== undefined && isSameHost(parsed, requestHost);
  };
  return {
    allows: (origin, requestHost) => everything || allowsCredentials(origin, requestHost),
    allowsCredentials,
  };
}
