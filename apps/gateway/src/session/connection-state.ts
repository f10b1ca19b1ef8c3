/** The states of a connection and what each frame or event does in each. A state or an event without a decision does not compile. */

/**
 * - `greeting`: open, `connect` has not come
 * - `authenticating`: the token is being verified
 * - `ready`: serves
 * - `closing`: being closed; nothing is served any more
 */
export type ConnectionState = 'greeting' | 'authenticating' | 'ready' | 'closing';

/**
 * - `connect`: the client's connect frame     - `request`: any other frame
 * - `verified`, `refused`: how the verification ended
 * - `expired`: the token's time is up, or none came in time
 * - `close`: the server closes
 */
export type ConnectionEvent = 'connect' | 'request' | 'verified' | 'refused' | 'expired' | 'close';

/** The next state, or `out-of-state` for a frame that is not allowed now, or `ignored`. */
export type Transition = ConnectionState | 'out-of-state' | 'ignored';

const TRANSITIONS: Readonly<Record<ConnectionState, Readonly<Record<ConnectionEvent, Transition>>>> = {
  greeting: {
    connect: 'authenticating',
    request: 'out-of-state',
    verified: 'ignored',
    refused: 'ignored',
    expired: 'closing',
    close: 'closing',
  },
  authenticating: {
    connect: 'out-of-state',
    request: 'out-of-state',
    verified: 'ready',
    refused: 'closing',
    expired: 'closing',
    close: 'closing',
  },
  ready: {
    connect: 'out-of-state',
    request: 'ready',
    verified: 'ignored',
    refused: 'ignored',
    expired: 'closing',
    close: 'closing',
  },
  closing: {
    connect: 'ignored',
    request: 'ignored',
    verified: 'ignored',
    refused: 'ignored',
    expired: 'ignored',
    close: 'ignored',
  },
};

export function transition(state: ConnectionState, event: ConnectionEvent): Transition {
  return TRANSITIONS[state][event];
}
