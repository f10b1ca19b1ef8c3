import { RealtimeError, wrongOption } from './errors.ts';
import { shownUrl } from './unexplained-end.ts';

/** The part of the WebSocket API that the SDK uses. Browsers and Node 24 have it as a global. */
export interface SocketLike {
  readonly readyState: number;
  /** The subprotocol that the server selected. */
  readonly protocol?: string;
  binaryType?: string;
  /** Bytes that were given to `send` and have not left yet. */
  readonly bufferedAmount?: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: { message?: string }) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/** `readyState` of an open socket. */
export const SOCKET_OPEN = 1;

/** Close code of whoever leaves because it wants to. */
export const NORMAL_CLOSURE = 1000;

/** Close code that browsers and Node report for a connection that ended without a close frame. */
export const ABNORMAL_CLOSURE = 1006;

/** Path of the WebSocket endpoint below whatever path the gateway has. */
const PATH = '/v1/ws';

/**
 * Absolute `ws:` or `wss:` address of the endpoint. `http(s):` is taken as well; `/v1/ws` is added unless the path ends in it.
 * @throws TypeError for anything else.
 */
export function socketUrl(url: string): string {
  try {
    const parsed = new URL(url, (globalThis as { location?: { href: string } }).location?.href);
    parsed.protocol = parsed.protocol.replace(/^http/, 'ws');
    parsed.pathname = `${parsed.pathname.replace(/(\/v1\/ws)?\/*$/, '')}${PATH}`;
    parsed.hash = '';
    if (/^wss?:/.test(parsed.href)) return parsed.href;
  } catch {
    // Not an address at all: said below.
  }
  throw wrongOption('url', `"${url}"`, 'a ws:, wss:, http: or https: address');
}

/** `close` follows an error within this time, if it comes at all. */
const CLOSE_AFTER_ERROR_MS = 100;

/**
 * Calls `ended` with the end of a socket. Outside of pages an error says why there is none. In Chrome no `close` follows the
 * error of an address that the page's Content-Security-Policy does not list: nothing else ends that way.
 */
function hearEnd(socket: SocketLike, ended: (code: number, reason: string) => void): void {
  let trouble = '';
  socket.onerror = ({ message }) => {
    trouble = message ?? '';
    const forbidden = "the page's Content-Security-Policy does not allow it: add the address to connect-src";
    setTimeout(() => ended(ABNORMAL_CLOSURE, trouble || forbidden), CLOSE_AFTER_ERROR_MS);
  };
  socket.onclose = ({ code, reason }) => ended(code, reason || trouble);
}

/** Lets go of a socket: nothing that it still does is heard. Closing may take long on a dead network; nobody waits for it. */
export function dropSocket(socket: SocketLike): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  // Node's WebSocket, and `ws`, report an error when a socket is closed before it is open.
  socket.onerror = () => undefined;
  socket.close(NORMAL_CLOSURE);
}

/** @throws RealtimeError `CONNECTION_LOST`, e.g. in a page that came by TLS and may not open `ws:`. */
export function openSocket(
  webSocket: SocketConstructor,
  url: string,
  subprotocols: readonly string[],
  ended: (code: number, reason: string) => void,
): SocketLike {
  try {
    const socket = new webSocket(url, [...subprotocols]);
    socket.binaryType = 'arraybuffer';
    hearEnd(socket, ended);
    return socket;
  } catch (cause) {
    // Firefox says nothing more than "SecurityError".
    const why =
      (cause as Error).message ||
      'the page came by TLS, or its Content-Security-Policy lacks it in connect-src';
    const text = `No socket to ${shownUrl(url)}: ${why}`;
    throw new RealtimeError('CONNECTION_LOST', text, { cause });
  }
}
