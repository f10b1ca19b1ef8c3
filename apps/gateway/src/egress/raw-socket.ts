import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** The TCP (or TLS) socket beneath a WebSocket. The library keeps it in a member that its types leave out. */
export function rawSocketOf(webSocket: WebSocket): Socket {
  const { _socket: socket } = webSocket as WebSocket & { readonly _socket?: Socket };
  if (socket === undefined) throw new Error('the WebSocket has no socket: it is not open');
  return socket;
}
