import { type CarillonError, CLOSES, type ServerFrame } from '@carillon/protocol';
import type { WebSocket } from 'ws';

/** The close is answered at once by a page; nobody else is waited for. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Tells a page that it may not connect. A browser keeps the answer to a refused upgrade from the page, which then knows no cause: so the
 * upgrade is accepted, and nothing that comes over it is read.
 */
export function turnAway(webSocket: WebSocket, { code, message }: CarillonError): void {
  const { code: closeCode } = CLOSES.ORIGIN_REFUSED;
  const frames: readonly ServerFrame[] = [
    { type: 'error', code, message, retryable: false },
    { type: 'disconnect', code: closeCode, reason: message, reconnect: false },
  ];
  webSocket.on('error', () => webSocket.terminate());
  for (const frame of frames) webSocket.send(JSON.stringify(frame));
  webSocket.close(closeCode, code);
  const timer = setTimeout(() => webSocket.terminate(), CLOSE_TIMEOUT_MS);
  webSocket.on('close', () => clearTimeout(timer));
}
