import { isUtf8 } from 'node:buffer';
import { decodeBase64url } from './base64url.ts';
import { shown, TokenError } from './token-error.ts';

/** Longest token, in characters: about what proxies allow for a header. */
export const MAX_TOKEN_LENGTH = 8192;

interface JwtHeader {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** A JWT taken apart; nothing in it is to be believed before its signature is checked. */
export interface CompactJwt {
  readonly header: JwtHeader;
  readonly signingInput: string;
  readonly signature: Buffer;
  readonly payloadText: string;
}

const MAX_KNOWN_HEADERS = 64;
const MAX_KNOWN_HEADER_LENGTH = 256;
/** Of all tokens that one signer makes, the header is the same text. */
const knownHeaders = new Map<string, JwtHeader>();

function malformed(reason: string): never {
  throw new TokenError('TOKEN_MALFORMED', `The token is not a signed JWT in compact form: ${reason}.`);
}

/**
 * Takes a compact JWS apart.
 *
 * @throws {TokenError} TOKEN_MISSING, TOKEN_MALFORMED.
 */
export function parseCompactJwt(token: string): CompactJwt {
  if (token === '') throw new TokenError('TOKEN_MISSING', 'The token is empty.');
  if (token.length > MAX_TOKEN_LENGTH) {
    malformed(`it has ${token.length} characters, allowed are ${MAX_TOKEN_LENGTH}`);
  }
  const parts = token.split('.', 6);
  if (parts.length === 5) malformed('it has five parts and seems to be encrypted (JWE)');
  const [head, body, mac] = parts;
  if (parts.length !== 3 || head === undefined || body === undefined || mac === undefined) {
    malformed(
      `it has ${parts.length === 1 ? '1 part' : `${parts.length} parts`} separated by dots instead of 3`,
    );
  }
  const header = knownHeaders.get(head) ?? readHeader(head);
  const signature = decodeBase64url(mac);
  if (signature === undefined) malformed('its signature is not base64url');
  return {
    header,
    signingInput: token.slice(0, head.length + 1 + body.length),
    signature,
    payloadText: body,
  };
}

function readHeader(text: string): JwtHeader {
  const members = parseJsonObject(text, 'header');
  const { alg, kid, typ } = members;
  if (typeof alg !== 'string') malformed('its header has no alg');
  if (kid !== undefined && typeof kid !== 'string') malformed('the kid in its header is not text');
  if (members.crit !== undefined) malformed('its header demands extensions (crit), none is supported');
  // Other kinds of JWT (logout tokens, DPoP proofs, security events) are signed with the same keys and mean something else.
  if (typ !== undefined && !(typeof typ === 'string' && /^(application\/)?(jwt|at\+jwt)$/i.test(typ))) {
    malformed(`the typ in its header is ${shown(typ)} instead of "JWT" or "at+jwt"`);
  }
  const header: JwtHeader = Object.freeze({ alg, kid });
  if (text.length <= MAX_KNOWN_HEADER_LENGTH) {
    if (knownHeaders.size >= MAX_KNOWN_HEADERS) knownHeaders.delete(knownHeaders.keys().next().value!);
    knownHeaders.set(text, header);
  }
  return header;
}

/**
 * The claims, to be read after the signature was checked. Of a name that comes twice the last one counts, as in every JSON parser.
 *
 * @throws {TokenError} TOKEN_MALFORMED.
 */
export function parseClaims(jwt: CompactJwt): Readonly<Record<string, unknown>> {
  return parseJsonObject(jwt.payloadText, 'payload');
}

function parseJsonObject(text: string, part: string): Readonly<Record<string, unknown>> {
  const bytes = decodeBase64url(text);
  if (bytes === undefined || !isUtf8(bytes)) malformed(`its ${part} is not base64url of UTF-8 text`);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's message quotes the token.
    malformed(`its ${part} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    malformed(`its ${part} is not a JSON object`);
  }
  return value as Readonly<Record<string, unknown>>;
}
