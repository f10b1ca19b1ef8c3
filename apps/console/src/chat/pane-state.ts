/** What one pane shows, and how each event changes it. No I/O, so that it can be tested by itself. */
import type { ConnectionState, RecoveredEvent } from '@carillon/client';

/** More are not kept on the page; history has them. */
export const MAX_ITEMS = 200;

export interface ChatMessage {
  readonly text: string;
  readonly from: string;
}

export type Item =
  | { readonly kind: 'message'; readonly key: string; readonly seq: number; readonly from: string; readonly text: string; readonly at: number; readonly latencyMs: number; readonly recovered: boolean }
  | { readonly kind: 'cut'; readonly key: string; readonly at: number }
  | { readonly kind: 'recovery'; readonly key: string; readonly at: number; readonly recovered: boolean; readonly missed: number; readonly reason: string | undefined; readonly awayMs: number }
  | { readonly kind: 'gap'; readonly key: string; readonly at: number; readonly from: number; readonly to: number };

export interface PaneState {
  readonly connection: ConnectionState;
  readonly gateway: string | undefined;
  readonly error: string | undefined;
  readonly items: readonly Item[];
  readonly seq: number | undefined;
  readonly roundTripMs: number | undefined;
  readonly received: number;
  readonly recovered: number;
  /** Breaks of the run of seq that this pane saw. Stays 0; shown because it is the claim. */
  readonly gaps: number;
  readonly lostAt: number | undefined;
  /** Missed messages that are still to come after a recovery. */
  readonly owed: number;
}

export type PaneEvent =
  | { readonly type: 'state'; readonly state: ConnectionState; readonly at: number }
  | { readonly type: 'connected'; readonly gateway: string }
  | { readonly type: 'latency'; readonly roundTripMs: number }
  | { readonly type: 'cut'; readonly at: number }
  | { readonly type: 'recovered'; readonly event: RecoveredEvent; readonly at: number }
  | { readonly type: 'gap'; readonly from: number; readonly to: number; readonly at: number }
  | { readonly type: 'message'; readonly epoch: string; readonly seq: number; readonly timestamp: number; readonly payload: ChatMessage; readonly at: number }
  | { readonly type: 'error'; readonly message: string };

export const INITIAL: PaneState = {
  connection: 'idle',
  gateway: undefined,
  error: undefined,
  items: [],
  seq: undefined,
  roundTripMs: undefined,
  received: 0,
  recovered: 0,
  gaps: 0,
  lostAt: undefined,
  owed: 0,
};

export function reduce(state: PaneState, event: PaneEvent): PaneState {
  switch (event.type) {
    case 'state':
      return {
        ...state,
        connection: event.state,
        error: event.state === 'connected' ? undefined : state.error,
        lostAt: state.connection === 'connected' && event.state !== 'connected' ? event.at : state.lostAt,
      };
    case 'connected':
      return { ...state, gateway: event.gateway };
    case 'latency':
      return { ...state, roundTripMs: event.roundTripMs };
    case 'cut':
      return append(state, { kind: 'cut', key: `cut-${event.at}`, at: event.at });
    case 'recovered':
      return recovery(state, event.event, event.at);
    case 'gap':
      return append({ ...state, gaps: state.gaps + 1 }, { kind: 'gap', key: `gap-${event.at}-${event.to}`, at: event.at, from: event.from, to: event.to });
    case 'message':
      return message(state, event);
    case 'error':
      return { ...state, error: event.message };
  }
}

function recovery(state: PaneState, event: RecoveredEvent, at: number): PaneState {
  const awayMs = state.lostAt === undefined ? 0 : at - state.lostAt;
  return append(
    { ...state, owed: event.missed, lostAt: undefined },
    { kind: 'recovery', key: `recovery-${at}`, at, recovered: event.recovered, missed: event.missed, reason: event.reason, awayMs },
  );
}

function message(state: PaneState, event: Extract<PaneEvent, { type: 'message' }>): PaneState {
  const recovered = state.owed > 0;
  const next = { ...state, seq: event.seq, received: state.received + 1, recovered: state.recovered + (recovered ? 1 : 0), owed: Math.max(0, state.owed - 1) };
  return append(next, {
    kind: 'message',
    key: `${event.epoch}:${event.seq}`,
    seq: event.seq,
    from: event.payload.from,
    text: event.payload.text,
    at: event.timestamp,
    latencyMs: Math.max(0, event.at - event.timestamp),
    recovered,
  });
}

function append(state: PaneState, item: Item): PaneState {
  return { ...state, items: [...state.items, item].slice(-MAX_ITEMS) };
}
