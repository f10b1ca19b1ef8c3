import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONNECTION_STATES,
  type ConnectionEvent,
  type ConnectionState,
  transition,
} from './connection-state.ts';

const EVENTS: ConnectionEvent[] = [
  'connect',
  'authorized',
  'opened',
  'accepted',
  'lost',
  'refused',
  'retry',
  'close',
];

function run(events: readonly ConnectionEvent[]): ConnectionState[] {
  const visited: ConnectionState[] = ['idle'];
  for (const event of events) {
    const next = transition(visited.at(-1)!, event);
    if (next !== 'ignored') visited.push(next);
  }
  return visited;
}

describe('connection state', () => {
  it('reaches every state', () => {
    const up: ConnectionEvent[] = ['connect', 'authorized', 'opened', 'accepted'];
    const visited = [...run([...up, 'lost']), ...run([...up, 'refused']), ...run([...up, 'close'])];
    expect(new Set(visited)).toEqual(new Set(CONNECTION_STATES));
  });

  it('is connected only by the whole way: token, socket, handshake', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 }), (events) => {
        const visited = run(events);
        for (const [i, state] of visited.entries()) {
          if (state !== 'connected') continue;
          expect(visited.slice(i - 3, i)).toEqual(['authorizing', 'opening', 'handshaking']);
        }
      }),
    );
  });

  it('leaves closed and failed only when asked to connect', () => {
    for (const state of ['closed', 'failed'] as const) {
      const leaving = EVENTS.filter((event) => !['ignored', 'closed'].includes(transition(state, event)));
      expect(leaving).toEqual(['connect']);
    }
  });

  it('can be closed from everywhere', () => {
    const open = CONNECTION_STATES.filter((state) => state !== 'closed');
    expect(open.map((state) => transition(state, 'close'))).toEqual(open.map(() => 'closed'));
  });
});
