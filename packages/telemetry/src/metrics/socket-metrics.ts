import { define } from './define-metric.ts';

/** The part of the catalogue about sockets, whatever is spoken on them. */
export const SOCKET_METRICS = {
  clientSockets: define(
    'gauge',
    'client_sockets',
    'Open sockets of clients, WebSocket and HTTP, by whether a valid token has come on them (authenticated, unauthenticated).',
    ['state'],
  ),
  clientSocketsEvicted: define(
    'counter',
    'client_sockets_evicted_total',
    'Sockets without a valid token that were ended because the share of those was full.',
  ),
} as const;
