/** State of one pane and its reducer. No I/O. */
import type { ConnectionState, GapEvent, Message, RecoveredEvent } from '@carillon/client';

/** More are not kept on the page; history has them. */
export const MAX_MESSAGES = 300;
const MAX_LOG_LINES = 100;

/** How a message came. */
export type Arrival = 'live' | 'recovered' | 'history';

export interface ShownMessage {
  readonly key: string;
  readonly epoch: string;
  readonly seq: number;
  readonly user: string;
  readonly text: string;
  readonly own: boolean;
  readonly arrival: Arrival;
  /** From the gateway's clock to this page's; `undefined` where that says nothing. */
  readonly latencyMs: number | undefined;
}

export type Tone = 'plain' | 'good' | 'warn' | 'bad';

export interface LogLine {
  readonly key: number;
  readonly at: number;
  readonly tone: Tone;
  readonly text: string;
}

/** A summary of the last recovery, shown until the next one. */
export interface Recovery {
  readonly recovered: boolean;
  readonly missed: number;
  readonly reason: string | undefined;
  readonly awayMs: number;
  /** Messages of it that have come, and whether each was the next one. */
  readonly arrived: number;
}

export interface PaneState {
  readonly connection: ConnectionState;
  readonly gateway: string | undefined;
  readonly problem: string | undefined;
  readonly retryAt: number | undefined;
  /** The line is cut until then. */
  readonly cutUntil: number | undefined;
  readonly lostAt: number | undefined;
  readonly roundTripMs: number | undefined;
  readonly messages: readonly ShownMessage[];
  readonly log: readonly LogLine[];
  readonly recovery: Recovery | undefined;
  readonly received: number;
  /** Written here and not yet accepted by the server. */
  readonly unsent: number;
  /** Breaks in the run of seq that this pane saw. Stays 0; shown because it is the claim. */
  readonly gaps: number;
  readonly logged: number;
}

export type PaneChange =
  | { readonly type: 'state'; readonly state: ConnectionState }
  | { readonly type: 'connected'; readonly gateway: string; readonly reconnected: boolean }
  | { readonly type: 'disconnected'; readonly code: number; readonly reason: string }
  | {
      readonly type: 'reconnecting';
      readonly attempt: number;
      readonly delayMs: number;
      readonly problem: string;
    }
  | { readonly type: 'latency'; readonly roundTripMs: number }
  | { readonly type: 'cut'; readonly untilMs: number }
  | { readonly type: 'restored' }
  | { readonly type: 'recovered'; readonly event: RecoveredEvent }
  | { readonly type: 'gap'; readonly event: GapEvent }
  | { readonly type: 'history'; readonly messages: readonly Message[] }
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'sending' | 'sent' }
  | { readonly type: 'error'; readonly text: string };

export type PaneEvent = PaneChange & { readonly at: number };

export const INITIAL: PaneState = {
  connection: 'idle',
  gateway: undefined,
  problem: undefined,
  retryAt: undefined,
  cutUntil: undefined,
  lostAt: undefined,
  roundTripMs: undefined,
  messages: [],
  log: [],
  recovery: undefined,
  received: 0,
  unsent: 0,
  gaps: 0,
  logged: 0,
};

export function reduce(state: PaneState, event: PaneEvent): PaneState {
  const log = (next: PaneState, tone: Tone, text: string) => withLog(next, event.at, tone, text);
  switch (event.type) {
    case 'state':
      return {
        ...state,
        connection: event.state,
        ...(event.state === 'waiting' ? {} : { retryAt: undefined }),
      };
    case 'connected': {
      const next = { ...state, gateway: event.gateway, problem: undefined };
      return log(next, 'good', `${event.reconnected ? 'connected again' : 'connected'} to ${event.gateway}`);
    }
    case 'disconnected':
      return log(
        { ...state, lostAt: event.at, recovery: undefined },
        'bad',
        `disconnected: ${event.reason} (${event.code})`,
      );
    case 'reconnecting': {
      const next = { ...state, problem: event.problem, retryAt: event.at + event.delayMs };
      return log(next, 'warn', `attempt ${event.attempt} in ${seconds(event.delayMs)}`);
    }
    case 'latency':
      return { ...state, roundTripMs: event.roundTripMs };
    case 'cut':
      return log({ ...state, cutUntil: event.untilMs }, 'bad', 'line cut: the socket is closed, no way out');
    case 'restored':
      return log({ ...state, cutUntil: undefined }, 'plain', 'line whole again');
    case 'recovered':
      return recovered(state, event.event, event.at);
    case 'gap': {
      const text = `gap: ${event.event.from.seq + 1} to ${event.event.to.seq} are gone (${event.event.reason})`;
      return log({ ...state, gaps: state.gaps + 1 }, 'bad', text);
    }
    case 'history':
      return log(withHistory(state, event.messages), 'plain', `history: ${event.messages.length} messages`);
    case 'message':
      return withMessage(state, event.message, event.at);
    case 'sending':
      return { ...state, unsent: state.unsent + 1 };
    case 'sent':
      return { ...state, unsent: state.unsent - 1 };
    case 'error':
      return log({ ...state, problem: event.text }, 'bad', event.text);
  }
}

function recovered(state: PaneState, event: RecoveredEvent, at: number): PaneState {
  const { lostAt } = state;
  // The first subscription goes on from history; nothing was lost then.
  if (lostAt === undefined) return state;
  const { missed, reason } = event;
  const recovery = { recovered: event.recovered, missed, reason, awayMs: at - lostAt, arrived: 0 };
  const text = event.recovered
    ? `resumed at ${event.position.seq}: ${missed} missed`
    : `not recovered: ${reason ?? 'no reason given'}`;
  return withLog({ ...state, recovery, lostAt: undefined }, at, event.recovered ? 'good' : 'bad', text);
}

function withMessage(state: PaneState, message: Message, at: number): PaneState {
  const missedOne = message.recovered && state.recovery !== undefined;
  const arrival = missedOne ? 'recovered' : message.recovered ? 'history' : 'live';
  const last = state.messages.at(-1);
  const isNext = last === undefined || last.epoch !== message.epoch || message.seq === last.seq + 1;
  const next = append(state, [shown(message, arrival, at)]);
  const recovery = missedOne ? { ...state.recovery, arrived: state.recovery.arrived + 1 } : state.recovery;
  const counted = { ...next, recovery, received: state.received + 1, gaps: state.gaps + (isNext ? 0 : 1) };
  if (recovery === undefined || !missedOne || recovery.arrived < recovery.missed) return counted;
  return withLog(counted, at, 'good', `${recovery.missed} recovered, in order`);
}

function withHistory(state: PaneState, messages: readonly Message[]): PaneState {
  return append(
    state,
    messages.map((message) => shown(message, 'history', undefined)),
  );
}

function append(state: PaneState, messages: readonly ShownMessage[]): PaneState {
  return { ...state, messages: [...state.messages, ...messages].slice(-MAX_MESSAGES) };
}

function shown(message: Message, arrival: Arrival, at: number | undefined): ShownMessage {
  const { epoch, seq, timestamp, own } = message;
  const latencyMs = arrival === 'live' && at !== undefined ? Math.max(0, at - timestamp) : undefined;
  const user = message.user ?? 'anonymous';
  return { key: `${epoch}:${seq}`, epoch, seq, user, text: textOf(message.payload), own, arrival, latencyMs };
}

/** Anybody may publish anything on the channel, for example from the command line. */
function textOf(payload: unknown): string {
  if (typeof payload === 'string') return payload;
  const text = (payload as { text?: unknown } | null)?.text;
  return typeof text === 'string' ? text : JSON.stringify(payload);
}

function withLog(state: PaneState, at: number, tone: Tone, text: string): PaneState {
  const line = { key: state.logged, at, tone, text };
  return { ...state, logged: state.logged + 1, log: [...state.log, line].slice(-MAX_LOG_LINES) };
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
