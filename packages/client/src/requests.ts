import type { HistoryResultFrame, ResponseFrame, ServerFrame } from '@carillon/protocol';
import type { Connection } from './connection.ts';
import { type Deferred, deferred } from './deferred.ts';
import { checkNames, frameTooLarge, fromErrorBody, RealtimeError } from './errors.ts';
import type { HistoryQuery } from './history.ts';
import { MAX_TIMER_MS, type ResolvedOptions } from './options.ts';
import { byteLength, frameMembers } from './publish-entry.ts';
import type { RequestOptions } from './request-options.ts';

/** Questions that may wait at a time. */
const MAX_REQUESTS = 256;

type Answer = HistoryResultFrame | ResponseFrame;

interface OpenRequest extends Deferred<Answer> {
  /** Frame without its opening `{"id":1`. */
  readonly members: string;
  /** Must not be sent again: a back end may have begun. */
  readonly once: boolean;
  /** Removes the request with its timer and abort listener; its promise is settled apart. */
  readonly forget: () => void;
  /** 0: not sent yet. */
  id: number;
}

/** Questions to the server, which change nothing and so may simply be asked again on the next connection, and to back ends. */
export class Requests {
  readonly #connection: Connection;
  readonly #options: ResolvedOptions;
  readonly #open = new Set<OpenRequest>();

  constructor(deps: { readonly connection: Connection; readonly options: ResolvedOptions }) {
    this.#connection = deps.connection;
    this.#options = deps.options;
  }

  async history(channel: string, query?: HistoryQuery): Promise<HistoryResultFrame> {
    checkNames(query ?? {}, 'after before limit');
    const members = JSON.stringify({ type: 'history', channel, ...query }).slice(1);
    return (await this.#ask(members, false, {})) as HistoryResultFrame;
  }

  /** The answer's payload. */
  async request(method: string, data: unknown, options: RequestOptions = {}): Promise<unknown> {
    checkNames(options, 'timeoutMs signal trace');
    const { encoding, traceparent } = this.#options;
    const { timeoutMs, trace = traceparent(method) } = options;
    // A timer takes NaN for 1 ms, and the gateway would refuse it after that.
    if (
      timeoutMs !== undefined &&
      !(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMER_MS)
    )
      throw new TypeError(`timeoutMs is ${timeoutMs}; give a whole number from 1 to ${MAX_TIMER_MS}`);
    const members =
      JSON.stringify({ type: 'request', method, timeoutMs }).slice(1, -1) +
      frameMembers(encoding.stringify(data), {}, trace);
    const answer = (await this.#ask(`${members}}`, true, options)) as ResponseFrame;
    return answer.payload;
  }

  /** `members`: the frame without its opening `{"id":1,`. */
  async #ask(members: string, once: boolean, options: RequestOptions): Promise<Answer> {
    const { timeoutMs = this.#options.requestTimeoutMs, signal } = options;
    this.#connection.assertUsable();
    if (this.#open.size >= MAX_REQUESTS) {
      const text = `${MAX_REQUESTS} requests wait for an answer already`;
      throw new RealtimeError('REQUESTS_FULL', text, { retryable: true });
    }
    const giveUp = (...error: ConstructorParameters<typeof RealtimeError>): void => {
      if (once && request.id)
        this.#connection.send(
          `{"id":${this.#connection.nextRequestId()},"type":"cancel","re":${request.id}}`,
        );
      this.#fail(request, new RealtimeError(...error));
    };
    const onAbort = (): void =>
      giveUp('REQUEST_CANCELLED', 'The request was cancelled', { cause: signal!.reason });
    const timer = setTimeout(
      () => giveUp('TIMEOUT', `No answer within ${timeoutMs} ms`, { retryable: true }),
      timeoutMs,
    );
    const request: OpenRequest = {
      ...deferred<Answer>(),
      members,
      once,
      forget: () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#open.delete(request);
      },
      id: 0,
    };
    this.#open.add(request);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    else if (this.#connection.connected !== undefined) this.#send(request);
    return request.promise;
  }

  #send(request: OpenRequest): void {
    const { maxFrameBytes } = this.#connection.connected!.limits;
    const id = this.#connection.nextRequestId();
    const frame = this.#connection.encode(`{"id":${id},${request.members}`);
    const bytes = byteLength(frame);
    if (bytes > maxFrameBytes) {
      this.#fail(request, frameTooLarge(bytes, maxFrameBytes));
      return;
    }
    request.id = id;
    this.#connection.sendEncoded(frame);
  }

  unansweredBytes(): number {
    let bytes = 0;
    for (const { id, members } of this.#open) if (id) bytes += members.length;
    return bytes;
  }

  onUp(): void {
    for (const request of this.#open) this.#send(request);
  }

  onDown(): void {
    const text = 'The connection broke before the answer: it may have been carried out';
    for (const request of this.#open) {
      if (request.once && request.id)
        this.#fail(request, new RealtimeError('OUTCOME_UNKNOWN', text, { retryable: true }));
    }
  }

  onEnd(error: RealtimeError): void {
    for (const request of this.#open) this.#fail(request, error);
  }

  onFrame(frame: ServerFrame): void {
    for (const request of this.#open) {
      // Ids are never used twice: an answer with the id of a question is an answer to it.
      if (!('re' in frame) || request.id !== frame.re) continue;
      if (frame.type === 'error') this.#fail(request, fromErrorBody(frame));
      else {
        request.forget();
        request.resolve(frame as Answer);
      }
    }
  }

  #fail(request: OpenRequest, error: RealtimeError): void {
    request.forget();
    request.reject(error);
  }
}
