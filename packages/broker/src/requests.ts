/** The port of request and response. docs/adr/0007-request-response.md tells why it is made like this. */

/** `app/method`; apps hold no slash, so the first slash separates. */
export type MethodKey = `${string}/${string}`;

export interface AskedRequest {
  readonly method: MethodKey;
  /** Opaque to the broker. */
  readonly body: string;
  /** Time for the answer, from now on, in milliseconds, 1 or more. */
  readonly timeoutMs: number;
}

/** A request as the responder gets it; `timeoutMs` is what is left. */
export interface GivenRequest extends AskedRequest {
  /** Unique in an installation. */
  readonly id: string;
  /**
   * Ask before you begin. `false`: this process was silent for so long that the asker may have been told that it is gone, and with it the
   * request. Reject with `NO_RESPONDER` then.
   */
  mayBegin(): boolean;
}

/**
 * Answers a request. `signal` aborts when nobody waits for the answer any more: cancelled, or out of time. A rejection with a
 * CarillonError is told to the asker; `NO_RESPONDER` says that nothing was begun, and another node may be asked.
 */
export type AnswerRequest = (request: GivenRequest, signal: AbortSignal) => Promise<string>;

/** A process's part in requests and responses. Does nothing and costs nothing until it asks or offers for the first time. */
export interface RequestNode {
  /** Ids are new at every start of a process. */
  readonly node: string;
  /**
   * Resolves with the answer. Rejects with `NO_RESPONDER` or `RESPONDER_BUSY` (nothing was done), `RESPONDER_LOST` (the node that had the
   * request is gone), `TIMEOUT`, `REQUEST_CANCELLED` (by `signal`), or what the responder rejected with.
   */
  ask(request: AskedRequest, signal: AbortSignal): Promise<string>;
  /**
   * The methods that this node answers from now on, with the number of requests of each that it can work on at a time; replaces what was
   * offered before. Resolves when it was written down, or when the first attempt to do so failed: it is repeated with every heartbeat.
   */
  offer(methods: ReadonlyMap<MethodKey, number>): Promise<void>;
  /** Rejects what is open and leaves. */
  stop(): Promise<void>;
}
