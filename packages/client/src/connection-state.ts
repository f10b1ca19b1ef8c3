/** The states of a connection and what each event does in each of them. */

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

/** Nothing leads back to the beginning. */
export type EnteredState = Exclude<ConnectionState, 'idle'>;

/** `ignored`: the event is late or needless in this state. */
export type Transition = EnteredState | 'ignored';

/** Wherever a socket, or what leads to one, can be lost. */
const ENDINGS = { lost: 'waiting', refused: 'failed', close: 'closed' } as const;

/** Transition table. Events without an entry are ignored in that state. */
const TRANSITIONS: Readonly<
  Record<ConnectionState, Readonly<Partial<Record<ConnectionEvent, EnteredState>>>>
> = {
  idle: { connect: 'authorizing', close: 'closed' },
  authorizing: { authorized: 'opening', ...ENDINGS },
  opening: { opened: 'handshaking', ...ENDINGS },
  handshaking: { accepted: 'connected', ...ENDINGS },
  connected: ENDINGS,
  waiting: { connect: 'authorizing', retry: 'authorizing', refused: 'failed', close: 'closed' },
  failed: { connect: 'authorizing', close: 'closed' },
  closed: { connect: 'authorizing' },
};

/** The state after `event`, or `ignored`. */
export function transition(state: ConnectionState, event: ConnectionEvent): Transition {
  return TRANSITIONS[state][event] ?? 'ignored';
}

/** Every state, for tests and displays. */
export const CONNECTION_STATES = /* @__PURE__ */ Object.keys(TRANSITIONS) as readonly ConnectionState[];
