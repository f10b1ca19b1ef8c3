export interface RequestOptions {
  /** Time for the answer, reconnects included, in milliseconds. Default: the client's `requestTimeoutMs`. The server may cut it. */
  readonly timeoutMs?: number;
  /** Cancels the request: the back end is told, and `request` rejects with `REQUEST_CANCELLED`. */
  readonly signal?: AbortSignal;
  /** W3C traceparent. */
  readonly trace?: string;
}
