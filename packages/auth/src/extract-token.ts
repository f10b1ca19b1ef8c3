import { SUBPROTOCOL_TOKEN_PREFIX } from '@carillon/protocol';

/** Where in a request a token came. */
export type TokenSource = 'header' | 'subprotocol' | 'query';

export interface ExtractedToken {
  readonly token: string;
  readonly source: TokenSource;
}

/** The parts of a request that may hold a token. */
export interface TokenCarriers {
  /** `Authorization` header. */
  readonly authorization?: string | undefined;
  /** `Sec-WebSocket-Protocol` header. */
  readonly subprotocols?: string | undefined;
  /** Request target with its query, e.g. `/v1/ws?token=...`. */
  readonly url?: string | undefined;
}

const QUERY_PARAMETERS: ReadonlySet<string> = new Set(['token', 'access_token']);

/** The token of an `Authorization: Bearer ...` header, or of one that is a JWT and nothing else: `Bearer` is easily forgotten. */
export function tokenFromAuthorization(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  return /^bearer +(\S+) *$/i.exec(header)?.[1] ?? /^(eyJ[\w-]+\.[\w-]+\.[\w-]+) *$/.exec(header)?.[1];
}

/** The token in the subprotocol `carillon.token.<jwt>` of a `Sec-WebSocket-Protocol` header. */
export function tokenFromSubprotocols(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  for (const item of header.split(',')) {
    const protocol = item.trim();
    if (protocol.startsWith(SUBPROTOCOL_TOKEN_PREFIX)) {
      return protocol.slice(SUBPROTOCOL_TOKEN_PREFIX.length) || undefined;
    }
  }
  return undefined;
}

/** The token in the query parameter `token` or `access_token`. */
export function tokenFromQuery(url: string | undefined): string | undefined {
  const start = url?.indexOf('?') ?? -1;
  if (url === undefined || start < 0) return undefined;
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    if (QUERY_PARAMETERS.has(name) && value !== '') return value;
  }
  return undefined;
}

/** The token of a request: header before subprotocol before query. */
export function extractToken(carriers: TokenCarriers): ExtractedToken | undefined {
  const header = tokenFromAuthorization(carriers.authorization);
  if (header !== undefined) return { token: header, source: 'header' };
  const subprotocol = tokenFromSubprotocols(carriers.subprotocols);
  if (subprotocol !== undefined) return { token: subprotocol, source: 'subprotocol' };
  const query = tokenFromQuery(carriers.url);
  return query === undefined ? undefined : { token: query, source: 'query' };
}

const REDACTED = '[redacted]';
/** Anything that looks like a JWT, wherever it stands. */
const JWT = /eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g;

function decodedName(pair: string): string {
  return new URLSearchParams(pair).keys().next().value ?? '';
}

/** A request target as it may be logged: token parameters and anything like a JWT are replaced. */
export function redactUrl(url: string): string {
  const start = url.indexOf('?');
  if (start < 0) return url.replaceAll(JWT, REDACTED);
  const query = url
    .slice(start + 1)
    .split('&')
    .map((pair) => (QUERY_PARAMETERS.has(decodedName(pair)) ? `${pair.split('=')[0]}=${REDACTED}` : pair))
    .join('&');
  return `${url.slice(0, start)}?${query}`.replaceAll(JWT, REDACTED);
}
