/**
 * The frames of the protocol, version 1, as types. SPEC.md is the authority; rule numbers in brackets refer to it.
 *
 * `id` on a client's frame is the client's request id; a server's answer names it in `re`.
 */

import type { ErrorBody, Position, RequestId } from './frame-parts.ts';
import type {
  CancelFrame,
  HandedCancelFrame,
  HandedRequestFrame,
  RequestErrorBody,
  RequestFrame,
  ResponseFrame,
  ServeFrame,
  ServingFrame,
  WorkerResponseFrame,
} from './request-frames.ts';
import type {
  ConnectedFrame,
  ConnectFrame,
  DisconnectFrame,
  EndedFrame,
  RefreshedFrame,
  RefreshFrame,
  StatusFrame,
  TokenExpiringFrame,
} from './session-frames.ts';

export const PROTOCOL_VERSION = 1;
/** WebSocket subprotocol of the JSON encoding. */
export const SUBPROTOCOL_JSON = 'carillon.v1.json';
/** WebSocket subprotocol of the protobuf encoding. */
export const SUBPROTOCOL_PROTOBUF = 'carillon.v1.protobuf';
/** A token may be offered as a second subprotocol: this prefix and the JWT. */
export const SUBPROTOCOL_TOKEN_PREFIX = 'carillon.token.';

// ---- client to server -------------------------------------------------------------------------------------------

export interface SubscribeRequest {
  readonly channel: string;
  /** Present it to get what was missed since. */
  readonly position?: Position;
  /** Name of a durable subscription of this user: it goes on after what was acknowledged under this name. [AK1] */
  readonly consumer?: string;
}

export interface SubscribeFrame {
  readonly type: 'subscribe';
  readonly id: RequestId;
  readonly channels: readonly SubscribeRequest[];
}

export interface UnsubscribeFrame {
  readonly type: 'unsubscribe';
  readonly id: RequestId;
  readonly channels: readonly string[];
}

/** Makes a repeated publish harmless. [PU4] */
export interface ProducerStamp {
  /** Chosen once per SDK instance, 8..64 characters of A-Z a-z 0-9 _ - */
  readonly id: string;
  /** Counts up per producer and channel, from 1. */
  readonly seq: number;
  /** `seq` of this producer's preceding message on this channel that was not refused; 0 for the first. Default `seq - 1`. */
  readonly prev?: number;
}

export interface PublishFrame {
  readonly type: 'publish';
  readonly id: RequestId;
  readonly channel: string;
  readonly payload: unknown;
  readonly event?: string;
  readonly producer?: ProducerStamp;
  /** Ask for a `stored` frame once the message is in Postgres. */
  readonly stored?: boolean;
  /** W3C traceparent. */
  readonly trace?: string;
}

export interface HistoryFrame {
  readonly type: 'history';
  readonly id: RequestId;
  readonly channel: string;
  /** Messages after this position, oldest first. Excludes `before`. */
  readonly after?: Position;
  /** Messages before this position, newest first. Neither: the newest messages, newest first. */
  readonly before?: Position;
  /** 1..1000, default 100. */
  readonly limit?: number;
}

/** Everything up to this position is dealt with. [AK3] */
export interface AckFrame extends Position {
  readonly type: 'ack';
  readonly id: RequestId;
  readonly channel: string;
}

export interface PingFrame {
  readonly type: 'ping';
  readonly id: RequestId;
  /** By the client's own clock; the `pong` returns it unchanged. */
  readonly timestamp?: number;
}

export type ClientFrame =
  | ConnectFrame
  | RefreshFrame
  | SubscribeFrame
  | UnsubscribeFrame
  | PublishFrame
  | HistoryFrame
  | AckFrame
  | RequestFrame
  | CancelFrame
  | ServeFrame
  | WorkerResponseFrame
  | PingFrame;
export type ClientFrameType = ClientFrame['type'];

// ---- server to client -------------------------------------------------------------------------------------------

/** Why missed messages could not be given. The subscription is live all the same, from the position in the frame. */
export type NotRecoveredReason =
  | 'epoch-changed'
  | 'position-ahead'
  | 'window-exceeded'
  | 'too-many-missed'
  | 'history-trimmed'
  | 'history-disabled'
  | 'history-unavailable';

/** Why the position that a page of history was asked for is none of the channel. */
export type HistoryReason = Extract<NotRecoveredReason, 'epoch-changed' | 'position-ahead'>;

export interface SubscribeResult extends Partial<Position> {
  readonly channel: string;
  /** Present when the subscription was refused; the other members are then absent. */
  readonly error?: ErrorBody;
  /** Only when a position was presented. */
  readonly recovered?: boolean;
  readonly reason?: NotRecoveredReason;
  /** How many missed messages follow before live ones. Only when `recovered`. */
  readonly missed?: number;
  /** Only with `consumer`: what is acknowledged. */
  readonly acked?: Position;
}

/**
 * Answers `subscribe`: one result per channel. (epoch, seq) is where the subscription starts: with `recovered: true` the
 * presented position, else the channel's newest message; the next `message` of the channel has seq + 1.
 */
export interface SubscribedFrame {
  readonly type: 'subscribed';
  readonly re: RequestId;
  readonly results: readonly SubscribeResult[];
}

export interface UnsubscribedFrame {
  readonly type: 'unsubscribed';
  readonly re: RequestId;
  readonly results: readonly { readonly channel: string; readonly error?: ErrorBody }[];
}

/** A message. All subscribers of a channel see the same (epoch, seq, id, payload), in order of seq. */
export interface MessageFrame extends Position {
  readonly type: 'message';
  readonly version: number;
  readonly channel: string;
  readonly id: string;
  /** Time at which the gateway took the message. Milliseconds since 1970, by the clock that all gateways of an installation share. [MS3] */
  readonly timestamp: number;
  readonly payload: unknown;
  readonly event?: string;
  readonly user?: string;
  readonly producer?: string;
  readonly trace?: string;
}

/** Several messages, in the order in which they would have come one by one. [BA2] */
export interface MessageBatchFrame {
  readonly type: 'message_batch';
  readonly messages: readonly MessageFrame[];
}

export interface AcceptedFrame extends Position {
  readonly type: 'accepted';
  readonly re: RequestId;
  readonly channel: string;
  /** Id of the message. */
  readonly id: string;
  /** The producer sequence had been accepted before: this is the first result. */
  readonly duplicate?: boolean;
  /** Delivered by this gateway alone, the broker being away. [DG3] */
  readonly degraded?: boolean;
}

export interface StoredFrame extends Position {
  readonly type: 'stored';
  readonly re: RequestId;
  readonly channel: string;
}

export interface HistoryResultFrame {
  readonly type: 'history';
  readonly re: RequestId;
  readonly channel: string;
  readonly messages: readonly MessageFrame[];
  /** There are more in the direction asked for. */
  readonly more: boolean;
  /** The position that was given is none of the channel. [HI4] */
  readonly reason?: HistoryReason;
}

export interface PongFrame {
  readonly type: 'pong';
  readonly re: RequestId;
  /** The `timestamp` of the ping, unchanged. */
  readonly timestamp?: number;
  /** Milliseconds since 1970, by the clock that all gateways of an installation share. [MS3] */
  readonly serverTime: number;
}

/**
 * The subscription's run of seq was broken on the server's side and could not be healed: messages between were missed, or
 * the channel began a new epoch. The subscription goes on from (epoch, seq).
 */
export interface GapFrame extends Position {
  readonly type: 'gap';
  readonly channel: string;
  readonly reason: NotRecoveredReason;
  /** The last position before the gap. */
  readonly from: Position;
}

export interface ErrorFrame extends RequestErrorBody {
  readonly type: 'error';
  /** Absent when the frame could not be read far enough to know its id. */
  readonly re?: RequestId;
  /** Only with `PRODUCER_OUT_OF_ORDER`: the last sequence of the producer on the channel that was accepted. [PU11] */
  readonly lastSeq?: number;
}

export type ServerFrame =
  | ConnectedFrame
  | RefreshedFrame
  | TokenExpiringFrame
  | EndedFrame
  | SubscribedFrame
  | UnsubscribedFrame
  | MessageFrame
  | MessageBatchFrame
  | AcceptedFrame
  | StoredFrame
  | HistoryResultFrame
  | ResponseFrame
  | HandedRequestFrame
  | HandedCancelFrame
  | ServingFrame
  | PongFrame
  | GapFrame
  | ErrorFrame
  | StatusFrame
  | DisconnectFrame;
export type ServerFrameType = ServerFrame['type'];
