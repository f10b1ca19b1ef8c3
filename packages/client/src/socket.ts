import { RealtimeError, wrongOption } from './errors.ts';

/** The part of the WebSocket API that the SDK uses. Browsers and Node 24 have it as a global. */
export interface SocketLike {
  readonly readyState: number;
  /** The subprotocol that the server selected. */
  readonly protocol?: string;
  binaryType?: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/** `readyState` of an open socket. */
export const SOCKET_OPEN = 1;

/** Close code of whoever leaves because it wants to. */
export const NORMAL_CLOSURE = 1000;

/** Path of the WebSocket endpoint, used when the URL names none. */
const DEFAULT_PATH = '/v1/ws';

/** Absolute `ws:` or `wss:` address. `http(s):` is taken as well; a URL without a path gets `/v1/ws`. @throws TypeError for anything else. */
export function socketUrl(url: string): string {
  try {
    const parsed = new URL(url, (globalThis as { location?: { href: string } }).location?.href);
    parsed.protocol = parsed.protocol.replace(/^http/, 'ws');
    if (parsed.pathname === '/') parsed.pathname = DEFAULT_PATH;
    parsed.hash = '';
    if (/^wss?:/.test(parsed.href)) return parsed.href;
  } catch {
    // Not an address at all: said below.
  }
  throw wrongOption('url', `"${url}"`, 'a ws:, wss:, http: or https: address');
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
): SocketLike {
  try {
    const socket = new webSocket(url, [...subprotocols]);
    socket.binaryType = 'arraybuffer';
    return socket;
  } catch (cause) {
    const text = `No socket to ${url}: ${(cause as Error).message}`;
    throw new RealtimeError('CONNECTION_LOST', text, { cause });
  }
}
