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
  newConnectionsRefused: define(
    'gauge',
    'new_connections_refused',
    '1 while this gateway refuses new connections: it starts, is drained, or an operator wants it.',
  ),
  drainRemaining: define('gauge', 'drain_remaining', 'Connections that a drain has still to end.'),
  drainedConnections: define(
    'counter',
    'drained_connections_total',
    'Clients that a drain at a rate told to reconnect elsewhere.',
  ),
} as const;
