import type { IncomingMessage } from 'node:http';

/** A request to become a WebSocket, as far as anybody here asks. */
export type UpgradeRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'>;

export interface UpgradeHead {
  readonly request: UpgradeRequest;
  /** Where in the chunk the head ends. */
  readonly endsAt: number;
}

/** The limit of Node's parser. */
const MAX_HEAD_BYTES = 16_384;
/** Far more than clients send; Node's parser takes a thousand. */
const MAX_HEADERS = 100;
const END = '\r\n\r\n';
/** A path with or without a query; Node's parser treats a fragment in its own way. */
const REQUEST_LINE = /^GET (\/[!-"$-~]*) HTTP\/1\.1$/;
/**
 * RFC 9110 section 5.6.2 (token) and 5.5, without what is obsolete. No character may belong to two parts of it in turn: the time that it
 * takes would grow with the cube of what a client sends.
 */
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e]*)$/;

/**
 * The head of an ordinary request of a client that wants to become a WebSocket, when `chunk` holds all of it.
 *
 * `undefined`: anything else, whatever it is. Node's parser takes that, and decides what is wrong with it; what is read here is read
 * the same way there (RFC 9112, section 3 and 5, and RFC 6455, section 4.1).
 */
export function readUpgradeHead(chunk: Buffer): UpgradeHead | undefined {
  const length = chunk.indexOf(END);
  if (length < 0 || length > MAX_HEAD_BYTES) return undefined;
  const lines = readLines(chunk, length);
  const url = REQUEST_LINE.exec(lines[0]!)?.[1];
  const headers = url === undefined ? undefined : readHeaders(lines);
  if (headers === undefined || !asksForWebSocket(headers)) return undefined;
  return { request: { method: 'GET', url, headers }, endsAt: length + END.length };
}

/** Each a string of its own: parts of one string would keep all of it in memory, as long as one of them is kept. */
function readLines(chunk: Buffer, length: number): string[] {
  const lines: string[] = [];
  for (let from = 0; from <= length; ) {
    const to = chunk.indexOf('\r\n', from, 'latin1'); // the end of the head at the latest
    lines.push(chunk.toString('latin1', from, to));
    from = to + 2;
  }
  return lines;
}

function readHeaders(lines: readonly string[]): Record<string, string> | undefined {
  if (lines.length - 1 > MAX_HEADERS) return undefined;
  const headers: Record<string, string> = Object.create(null);
  for (let i = 1; i < lines.length; i++) {
    const header = HEADER.exec(lines[i]!);
    if (header === null) return undefined;
    const name = header[1]!.toLowerCase();
    // Repeated headers are ambiguous: whether the first, the last or both count depends on the header.
    if (headers[name] !== undefined) return undefined;
    const value = header[2]!.trim();
    if (value.includes('\t')) return undefined;
    headers[name] = value;
  }
  return headers;
}

function asksForWebSocket(headers: Readonly<Record<string, string>>): boolean {
  const { host, upgrade, connection } = headers;
  return (
    host !== undefined &&
    upgrade?.toLowerCase() === 'websocket' &&
    connection !== undefined &&
    /(^|,)[ \t]*upgrade[ \t]*(,|$)/i.test(connection) &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    headers.expect === undefined
  );
}
