import { type HandedRequestFrame, type ResponderFailure, stringifyPayload } from '@carillon/protocol';

/** The request without its payload, for a handler. */
export interface RequestContext {
  readonly method: string;
  /** Id of the user who asks; `undefined` for anonymous clients. */
  readonly user: string | undefined;
  /** Role of the user, as in the token. */
  readonly role: string | undefined;
  /** All roles of the user, as in the token. */
  readonly roles: readonly string[];
  /** Session of the client who asks: `publishToSession` reaches it. */
  readonly session: string | undefined;
  /** Connection of the client who asks. */
  readonly connection: string | undefined;
  /** Aborts when nobody waits for the answer any more: cancelled, out of time, or the connection to the gateway broke. */
  readonly signal: AbortSignal;
  /** W3C traceparent of the server's span: the parent of yours. `undefined` when the trace isn't sampled. */
  readonly trace: string | undefined;
  /** Time for the answer, from when the request was handed to this worker, in milliseconds. */
  readonly timeoutMs: number;
}

/** Answers a request: what it returns is the answer. `undefined` is sent as `null`. */
export type RequestHandler = (data: never, context: RequestContext) => unknown;

/** Thrown by a handler: the caller gets `RESPONDER_ERROR` with this reason and message. Of any other error it learns nothing. */
export class RequestError extends Error {
  /** The application's own code, 1 to 128 characters. */
  readonly reason: string;
  /** May the same request succeed later? */
  readonly retryable: boolean;

  constructor(reason: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RequestError';
    this.reason = reason;
    this.retryable = options.retryable ?? false;
  }
}

const MAX_REASON_LENGTH = 128;
const MAX_MESSAGE_LENGTH = 1000;

export interface WorkerRequestsDependencies {
  readonly methods: Readonly<Record<string, RequestHandler>>;
  /** A handler that goes on for this long after its request was cancelled is left alone, and its place given to the next. */
  readonly cancelGraceMs: number;
  /** The members of a `response` frame after its id, as JSON text. */
  readonly respond: (members: string) => void;
  readonly onError: (error: Error, method: string) => void;
}

interface Running {
  readonly abort: AbortController;
  graceTimer: NodeJS.Timeout | undefined;
}

/** Requests that this worker has. */
export class WorkerRequests {
  readonly #deps: WorkerRequestsDependencies;
  readonly #running = new Map<string, Running>();
  #onIdle: (() => void)[] = [];
  /** Largest frame that the gateway takes. */
  maxFrameBytes = Number.POSITIVE_INFINITY;

  constructor(deps: WorkerRequestsDependencies) {
    this.#deps = deps;
  }

  take(frame: HandedRequestFrame): void {
    const running: Running = { abort: new AbortController(), graceTimer: undefined };
    this.#running.set(frame.id, running);
    void this.#run(frame, running);
  }

  /** [WK4] The answer is dropped, but makes room. */
  cancel(id: string): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    running.graceTimer = setTimeout(() => {
      const text = `A handler went on for ${this.#deps.cancelGraceMs} ms after its request was cancelled; it is left alone`;
      this.#deps.onError(new Error(text), '');
      this.#finish(id, running, failure({ reason: 'cancelled', message: 'Cancelled.' }));
    }, this.#deps.cancelGraceMs);
    running.abort.abort(new Error('the request was cancelled'));
  }

  /** The connection broke: nobody can be answered. */
  abortAll(): void {
    for (const [id, { abort, graceTimer }] of [...this.#running]) {
      clearTimeout(graceTimer);
      this.#running.delete(id);
      abort.abort(new Error('the connection to the gateway broke'));
    }
    this.#tellIdle();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async #run(frame: HandedRequestFrame, running: Running): Promise<void> {
    const answer = await this.#answer(frame, running.abort.signal);
    this.#finish(frame.id, running, answer);
  }

  async #answer(frame: HandedRequestFrame, signal: AbortSignal): Promise<string> {
    const {
      method,
      payload,
      user,
      role,
      roles = role === undefined ? [] : [role],
      session,
      connection,
      trace,
      timeoutMs,
    } = frame;
    try {
      const { methods } = this.#deps;
      // The gateway hands out only what was asked for; a name like `constructor` must not find anything else.
      const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (handler === undefined)
        throw new RequestError('no-such-method', `There is no handler for ${method}.`);
      const context = { method, user, role, roles, session, connection, signal, trace, timeoutMs };
      const result = await handler(payload as never, context);
      const json = stringifyPayload(result === undefined ? null : result);
      return this.#fitting(`,"payload":${json}`, method);
    } catch (error) {
      return failure(this.#failureOf(error, method, signal));
    }
  }

  #fitting(members: string, method: string): string {
    const bytes = Buffer.byteLength(members) + MAX_REASON_LENGTH + 64;
    if (bytes <= this.maxFrameBytes) return members;
    const text = `The answer has ${bytes} bytes; the server takes at most ${this.maxFrameBytes}.`;
    this.#deps.onError(new Error(text), method);
    throw new RequestError('answer-too-large', text);
  }

  #failureOf(error: unknown, method: string, signal: AbortSignal): ResponderFailure {
    if (error instanceof RequestError) return error;
    // A handler that stops because it was told to is no fault.
    if (!signal.aborted)
      this.#deps.onError(error instanceof Error ? error : new Error(String(error)), method);
    return { reason: 'internal', message: 'The back end failed.', retryable: false };
  }

  #finish(id: string, running: Running, answer: string): void {
    clearTimeout(running.graceTimer);
    // Left alone before, or the connection is another one by now.
    if (this.#running.get(id) !== running) return;
    this.#running.delete(id);
    this.#deps.respond(`"type":"response","re":${JSON.stringify(id)}${answer}`);
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#running.size === 0) for (const tell of this.#onIdle.splice(0)) tell();
  }
}

function failure({ message, reason, retryable }: ResponderFailure): string {
  const error = {
    message: message.slice(0, MAX_MESSAGE_LENGTH) || 'The back end failed.',
    ...(reason === undefined || reason === '' ? {} : { reason: reason.slice(0, MAX_REASON_LENGTH) }),
    ...(retryable === undefined ? {} : { retryable }),
  };
  return `,"error":${JSON.stringify(error)}`;
}
