/**
 * The states of a connection and what each event does in each of them. The table is typed by both, so a state or an event
 * without a decision does not compile.
 */

/**
 * - `idle`: never asked to connect
 * - `authorizing`: waiting for the token
 * - `opening`: the socket is being opened
 * - `handshaking`: `connect` is sent, `connected` not yet here
 * - `connected`
 * - `waiting`: before the next attempt
 * - `failed`: gave up; `connect()` starts again
 * - `closed`: the application closed it; `connect()` starts again
 */
export type ConnectionState =
  | 'idle'
  | 'authorizing'
  | 'opening'
  | 'handshaking'
  | 'connected'
  | 'waiting'
  | 'failed'
  | 'closed';

/**
 * - `connect`, `close`: asked for by the application
 * - `authorized`: the token is here (or none is needed)
 * - `opened`: the socket is open
 * - `accepted`: the server answered `connected`
 * - `lost`: the attempt failed or the connection ended, and may be tried again
 * - `refused`: the same, and must not be tried again
 * - `retry`: the wait is over, or the network came back
 */
export type ConnectionEvent =
  | 'connect'
  | 'authorized'
  | 'opened'
  | 'accepted'
  | 'lost'
  | 'refused'
  | 'retry'
  | 'close';

/** `ignored`: the event is late or needless in this state. */
export type Transition = ConnectionState | 'ignored';

const TRANSITIONS: Readonly<Record<ConnectionState, Readonly<Record<ConnectionEvent, Transition>>>> = {
  idle: {
    connect: 'authorizing',
    authorized: 'ignored',
    opened: 'ignored',
    accepted: 'ignored',
    lost: 'ignored',
    refused: 'ignored',
    retry: 'ignored',
    close: 'closed',
  },
  authorizing: {
    connect: 'ignored',
    authorized: 'opening',
    opened: 'ignored',
    accepted: 'ignored',
    lost: 'waiting',
    refused: 'failed',
    retry: 'ignored',
    close: 'closed',
  },
  opening: {
    connect: 'ignored',
    authorized: 'ignored',
    opened: 'handshaking',
    accepted: 'ignored',
    lost: 'waiting',
    refused: 'failed',
    retry: 'ignored',
    close: 'closed',
  },
  handshaking: {
    connect: 'ignored',
    authorized: 'ignored',
    opened: 'ignored',
    accepted: 'connected',
    lost: 'waiting',
    refused: 'failed',
    retry: 'ignored',
    close: 'closed',
  },
  connected: {
    connect: 'ignored',
    authorized: 'ignored',
    opened: 'ignored',
    accepted: 'ignored',
    lost: 'waiting',
    refused: 'failed',
    retry: 'ignored',
    close: 'closed',
  },
  waiting: {
    connect: 'authorizing',
    authorized: 'ignored',
    opened: 'ignored',
    accepted: 'ignored',
    lost: 'ignored',
    refused: 'failed',
    retry: 'authorizing',
    close: 'closed',
  },
  failed: {
    connect: 'authorizing',
    authorized: 'ignored',
    opened: 'ignored',
    accepted: 'ignored',
    lost: 'ignored',
    refused: 'ignored',
    retry: 'ignored',
    close: 'closed',
  },
  closed: {
    connect: 'authorizing',
    authorized: 'ignored',
    opened: 'ignored',
    accepted: 'ignored',
    lost: 'ignored',
    refused: 'ignored',
    retry: 'ignored',
    close: 'ignored',
  },
};

/** The state after `event`, or `ignored`. */
export function transition(state: ConnectionState, event: ConnectionEvent): Transition {
  return TRANSITIONS[state][event];
}

/** Every state, for tests and displays. */
export const CONNECTION_STATES = Object.keys(TRANSITIONS) as readonly ConnectionState[];
