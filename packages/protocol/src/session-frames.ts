/** Frames about the connection itself: its beginning, its token, its end. Rules [CN1]-[CN7], [RF1]-[RF4], [DG1], [BA1]. */
import type { ErrorBody, RequestId } from './frame-parts.ts';

export interface ConnectFrame {
  readonly type: 'connect';
  readonly id: RequestId;
  /** Absent when the token came by header, subprotocol or query, or for anonymous clients. */
  readonly token?: string;
  readonly version?: number;
  /** Chosen by the client and kept over reconnects; names its channel `#session:<session>`. [CH6] */
  readonly session?: string;
  readonly client?: { readonly name: string; readonly version: string };
  /** Asks for messages in `message_batch` frames. [BA1] */
  readonly batch?: BatchRequest;
}

/** Batch options of a subscription; an absent member has its default. [BA1] */
export interface BatchRequest {
  /** Messages in a batch at most, 1..1000, default 50. */
  readonly size?: number;
  /** How long a message waits for others at most, 1..5000, default 100. */
  readonly delayMs?: number;
}

/** Replaces the token of a live connection. [RF1] */
export interface RefreshFrame {
  readonly type: 'refresh';
  readonly id: RequestId;
  /** Of the same user and app as the one in use. */
  readonly token: string;
}

export interface ConnectedFrame {
  readonly type: 'connected';
  readonly re: RequestId;
  readonly version: number;
  /** Connection id, appears in logs and traces. */
  readonly connection: string;
  /** Gateway that serves the connection. */
  readonly gateway: string;
  readonly user?: string;
  /** When the token expires, in milliseconds since 1970; absent for anonymous clients. */
  readonly expiresAt?: number;
  /** Milliseconds since 1970, by the clock that all gateways of an installation share. [MS3] */
  readonly timestamp: number;
  /** Only when the broker is away. [DG1] */
  readonly degraded?: boolean;
  readonly limits: {
    readonly maxFrameBytes: number;
    readonly maxSubscriptions: number;
    /** Most channels that one `subscribe` or `unsubscribe` may name; 128 where absent. */
    readonly maxChannelsPerFrame?: number;
  };
  readonly heartbeat: { readonly pingIntervalMs: number; readonly timeoutMs: number };
  /** Messages come in batches of these bounds. Only when asked for; absent: one by one. [BA1] */
  readonly batch?: Required<BatchRequest>;
}

/** Answers `refresh`: from now on the new token counts. */
export interface RefreshedFrame {
  readonly type: 'refreshed';
  readonly re: RequestId;
  /** When the new token expires, in milliseconds since 1970. */
  readonly expiresAt?: number;
  /** Milliseconds since 1970, by the clock that all gateways of an installation share. [MS3] */
  readonly timestamp: number;
}

/** The token in use expires soon. [RF4] */
export interface TokenExpiringFrame {
  readonly type: 'token_expiring';
  /** Milliseconds since 1970, on the clock of `timestamp`. */
  readonly expiresAt: number;
  /** Milliseconds since 1970, by the clock that all gateways of an installation share. [MS3] */
  readonly timestamp: number;
}

/** The server ended a subscription that the client did not ask to end. [RF3] */
export interface EndedFrame extends ErrorBody {
  readonly type: 'ended';
  readonly channel: string;
}

/** The broker went away or came back. [DG1] */
export interface StatusFrame {
  readonly type: 'status';
  readonly degraded: boolean;
  /** Milliseconds since 1970, by the clock that all gateways of an installation share. [MS3] */
  readonly timestamp: number;
}

/** Comes before a close that the server starts. */
export interface DisconnectFrame {
  readonly type: 'disconnect';
  readonly code: number;
  readonly reason: string;
  readonly reconnect: boolean;
  /** Wait at least this long before reconnecting. */
  readonly retryAfterMs?: number;
}
