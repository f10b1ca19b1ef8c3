/**
 * Events as they happened: results for publishers, and messages that subscribers' application code got. Each process of
 * the traffic writes its own history; the checker judges all of them together.
 */
import type { Position } from '@carillon/protocol';

interface Happened {
  /** Milliseconds since 1970, on the clock of the machine that runs the traffic. */
  readonly at: number;
}

interface OnChannel {
  readonly app: string;
  readonly channel: string;
}

/** An attempt to publish. The key names the content and is used once. */
export interface PublishEvent extends Happened, OnChannel {
  readonly type: 'publish';
  readonly key: string;
  /** The publisher waits until it is told that the message is stored. */
  readonly wantsStored?: boolean;
}

/** Result of a publish. `unknown`: the message may be in the channel, once, or not. */
export type OutcomeEvent = Happened & { readonly type: 'outcome'; readonly key: string } & (
    | ({ readonly outcome: 'ok' } & Position)
    | { readonly outcome: 'failed' | 'unknown'; readonly code: string }
  );

/** With `stored`: the publisher was told that the message is in the database. */
export type StoredToldEvent = Happened & { readonly type: 'stored-told'; readonly key: string } & Position;

/** A subscription begins: everything after the position is wanted. */
export interface BeginEvent extends Happened, OnChannel, Position {
  readonly type: 'begin';
  /** Knows no more than its position (no SDK, or a new one at each start): what is published again after a loss of data comes again. */
  readonly forgetful?: boolean;
}

export interface ReceiveEvent extends Happened, OnChannel, Position {
  readonly type: 'receive';
  readonly key: string;
}

/** The subscriber was told that what lies between is not coming, and that it goes on after the position (`gap`, `recovered: false`). */
export interface NoticeEvent extends Happened, OnChannel, Position {
  readonly type: 'notice';
  readonly from: Position;
  readonly reason: string;
}

/** The subscriber came back, and was told that everything after the position follows. */
export interface RecoveredEvent extends Happened, OnChannel, Position {
  readonly type: 'recovered';
  readonly missed: number;
}

/** The subscriber went by its own will. */
export interface EndEvent extends Happened, OnChannel {
  readonly type: 'end';
}

/** A row of Postgres, and a message of the channel read again from its start, at the end. */
export interface FoundEvent extends OnChannel, Position {
  readonly type: 'stored' | 'reread';
  readonly key: string;
}

export interface FaultEvent extends Happened {
  readonly type: 'fault';
  readonly name: string;
}

/** The fault is over; by `recoverWithinMs` later everything has to flow again. */
export interface HealedEvent extends Happened {
  readonly type: 'healed';
  readonly name: string;
  readonly recoverWithinMs: number;
}

/**
 * All that had what was accepted since `from` ended together, or may have: what is not in Postgres may be gone.
 */
export interface ForgottenEvent extends Happened {
  readonly type: 'forgotten';
  readonly from: number;
}

export type HistoryEvent =
  | PublishEvent
  | OutcomeEvent
  | StoredToldEvent
  | BeginEvent
  | ReceiveEvent
  | NoticeEvent
  | RecoveredEvent
  | EndEvent
  | FoundEvent
  | FaultEvent
  | ForgottenEvent
  | HealedEvent;

export interface ProcessHistory {
  /** Name of the publisher, subscriber or reader. */
  readonly process: string;
  readonly events: Iterable<HistoryEvent>;
}

export function shown({ epoch, seq }: Position): string {
  return `${epoch}:${seq}`;
}
