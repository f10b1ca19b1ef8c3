import type { ConnectionState } from './connection-state.ts';

/** Without its query, which may hold a token. */
export const shownUrl = (url: string): string => url.replace(/\?.*/, '');

export const tooSlow = (url: string, withinMs: number): string =>
  `not connected to ${shownUrl(url)} within ${withinMs} ms`;

/** Error text for a close without `error` or `disconnect` frame. Browsers hide from pages why a connection failed. */
export function unexplainedEnd(url: string, state: ConnectionState): string {
  if (state !== 'opening') return `the connection to ${shownUrl(url)} broke`;
  const causes = 'nothing listens there, or a proxy passes no WebSockets on';
  return `no connection to ${shownUrl(url)}: ${causes}`;
}
