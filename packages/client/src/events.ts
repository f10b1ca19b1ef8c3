import type { NotRecoveredReason, Position } from '@carillon/protocol';
import type { ConnectionState } from './connection-state.ts';
import type { RealtimeError } from './errors.ts';
import type { Message } from './message.ts';
import type { PublishOutcome } from './publish-outcome.ts';
import type { DiscardReason } from './saved-state.ts';

/** A saved state that is not used: what was in it, as far as it could be read. */
export interface StateDiscardedEvent {
  readonly reason: DiscardReason;
  /** User of the discarded state: `null` for an anonymous client, `undefined` when not known. */
  readonly user: string | null | undefined;
  /** Publishes that are not sent any more, in their order. */
  readonly publishes: readonly DiscardedPublish[];
  /** Subscriptions of these channels begin anew. */
  readonly channels: readonly string[];
}

export interface DiscardedPublish {
  readonly channel: string;
  readonly payload: unknown;
  readonly event: string | undefined;
  /** `true`: sent, and perhaps accepted. `false`: certainly not sent. */
  readonly maybeSent: boolean;
}

/** Result of resuming a subscription with a position [SU6]. */
export interface RecoveredEvent {
  readonly channel: string;
  /** `true`: every message since the presented position follows, in order, before live ones. */
  readonly recovered: boolean;
  /** Only with `recovered: false`: why not. */
  readonly reason: NotRecoveredReason | undefined;
  /** How many missed messages follow. */
  readonly missed: number;
  /** Where the subscription goes on. */
  readonly position: Position;
}

/** Messages between two positions are gone for this subscription, and the server can't give them. */
export interface GapEvent {
  readonly channel: string;
  readonly from: Position;
  readonly to: Position;
  readonly reason: NotRecoveredReason;
}

export interface RestoredPublishEvent {
  readonly channel: string;
  readonly payload: unknown;
  readonly event: string | undefined;
  readonly result: PublishOutcome;
}

export interface ClientEvents {
  /** Every change of the connection's state. */
  state: { readonly state: ConnectionState; readonly previous: ConnectionState };
  connected: {
    readonly connection: string;
    readonly gateway: string;
    readonly user: string | undefined;
    /** `false` at the first connection after `connect()`. */
    readonly reconnected: boolean;
  };
  /** An established connection ended. */
  disconnected: { readonly code: number; readonly reason: string; readonly willReconnect: boolean };
  /** The next attempt comes after `delayMs`. */
  reconnecting: { readonly attempt: number; readonly delayMs: number; readonly error: RealtimeError };
  /** No further attempt will be made. */
  gaveUp: { readonly attempts: number; readonly error: RealtimeError };
  /** Round trip of a ping, in milliseconds. */
  latency: { readonly roundTripMs: number };
  /** The server lost its broker, or has it again. Meanwhile publishes wait, and what was missed comes afterwards. */
  degraded: { readonly degraded: boolean };
  /** A notice of the operators to everybody, on the channel `#system` [CH7]. */
  notification: Message;
  /** The token was replaced on the live connection. `expiresAt` is the server's time, in milliseconds since 1970. */
  tokenRefreshed: { readonly expiresAt: number | undefined };
  /** The server refused the token, or no token could be had. Without `willRetry` the client can't go on by itself. */
  authFailed: { readonly error: RealtimeError; readonly willRetry: boolean };
  /** The server refused a request because there were too many. What the SDK may repeat, it repeats after `retryAfterMs`. */
  rateLimit: { readonly error: RealtimeError; readonly retryAfterMs: number | undefined };
  /** A state that was saved before a reload can't be used, or nobody came back for it. */
  stateDiscarded: StateDiscardedEvent;
  /** Outcome of a publish made by the page before a reload. */
  restoredPublish: RestoredPublishEvent;
  recovered: RecoveredEvent;
  gap: GapEvent;
  /** Errors that belong to no promise: refused tokens, refused subscriptions, unreadable frames. */
  error: RealtimeError;
}

export interface SubscriptionEvents {
  /** The server confirmed the subscription, at first and after each reconnect. */
  subscribed: { readonly channel: string; readonly position: Position };
  recovered: RecoveredEvent;
  gap: GapEvent;
  /** The subscription was refused. With `retryable` it is tried again by itself, else at the next connect. */
  error: RealtimeError;
}
