/** Frames of request and response. Rules [RQ1]-[RQ9] and [WK1]-[WK8]. */
import type { ErrorBody, RequestId } from './frame-parts.ts';

// ---- between the one who asks and the server ---------------------------------------------------------------------

/** Asks a back end. Answered with `response` or `error`. */
export interface RequestFrame {
  readonly type: 'request';
  readonly id: RequestId;
  /** Name of the method: 1..200 characters of the alphabet of channel names. */
  readonly method: string;
  readonly payload: unknown;
  /** Time for the answer, in milliseconds, 1..3,600,000; the server's default when absent, cut to the server's maximum. */
  readonly timeoutMs?: number;
  /** W3C traceparent. */
  readonly trace?: string;
}

/** The answer to the request `re` is not wanted any more. Has no answer of its own. */
export interface CancelFrame {
  readonly type: 'cancel';
  readonly id: RequestId;
  readonly re: RequestId;
}

/** Answers `request`. */
export interface ResponseFrame {
  readonly type: 'response';
  readonly re: RequestId;
  readonly payload: unknown;
}

// ---- between the server and a worker -----------------------------------------------------------------------------

/** This connection answers these methods, and no others that it named before. Empty: none any more. */
export interface ServeFrame {
  readonly type: 'serve';
  readonly id: RequestId;
  readonly methods: readonly string[];
  /** Requests that the worker has at a time, 1..1000. Default 1. */
  readonly concurrency?: number;
}

/** Answers `serve`. Without `re`: a new token took methods away, and these are left. [WK7] */
export interface ServingFrame {
  readonly type: 'serving';
  readonly re?: RequestId;
  readonly methods: readonly string[];
}

/** A request handed to a worker. */
export interface HandedRequestFrame {
  readonly type: 'request';
  /** The server's name of the request: the worker's `response` names it in `re`. */
  readonly id: string;
  readonly method: string;
  /** Time left for the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Id of the user who asks; absent for anonymous clients. */
  readonly user?: string;
  /** Role of the user, as in the token; of several the first. */
  readonly role?: string;
  /** All of them, when there are several. */
  readonly roles?: readonly string[];
  /** Session of the client who asks. [CH6] */
  readonly session?: string;
  /** Connection of the client who asks. */
  readonly connection?: string;
  /** W3C traceparent, present only when the trace is sampled. */
  readonly trace?: string;
  readonly payload: unknown;
}

/** The requester has stopped waiting. The worker answers all the same, and gets its next request then. */
export interface HandedCancelFrame {
  readonly type: 'cancel';
  readonly re: string;
}

/** The application's error of a request. */
export interface ResponderFailure {
  /** For people: 1..1000 characters. */
  readonly message: string;
  /** For programs: the application's own code, 1..128 characters. */
  readonly reason?: string;
  /** May the same request succeed later? Default `false`. */
  readonly retryable?: boolean;
}

/** A worker's answer. Either `payload` or `error`. */
export interface WorkerResponseFrame {
  readonly type: 'response';
  readonly id: RequestId;
  /** `id` of the request that was handed to this worker. */
  readonly re: string;
  readonly payload?: unknown;
  readonly error?: ResponderFailure;
}

/** An `error` with the code `RESPONDER_ERROR` may bring the application's own code. */
export interface RequestErrorBody extends ErrorBody {
  readonly reason?: string;
}
