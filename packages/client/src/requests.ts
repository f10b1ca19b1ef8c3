import type { HistoryResultFrame, ResponseFrame, ServerFrame } from '@carillon/protocol';
import type { Connection } from './connection.ts';
import { type Deferred, deferred } from './deferred.ts';
import { frameTooLarge, fromErrorBody, RealtimeError } from './errors.ts';
import type { HistoryQuery } from './history.ts';
import type { ResolvedOptions } from './options.ts';
import type { RequestOptions } from './request-options.ts';

/** Questions that may wait at a time. */
const MAX_REQUESTS = 256;

type Answer = HistoryResultFrame | ResponseFrame;

interface OpenRequest {
  /** Frame without its opening `{"id":1`. */
  readonly members: string;
  readonly answer: Deferred<Answer>;
  readonly timer: ReturnType<typeof setTimeout>;
  /** Must not be sent again: a back end may have begun. */
  readonly once: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
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
    const members = JSON.stringify({ type: 'history', channel, ...query }).slice(1);
    return (await this.#ask(members, false, {})) as HistoryResultFrame;
  }

  /** The answer's payload. */
  async request(method: string, data: unknown, options: RequestOptions = {}): Promise<unknown> {
    const { encoding, traceparent } = this.#options;
    const { timeoutMs, trace = traceparent(method) } = options;
    const payload = encoding.stringify(data);
    if (payload === undefined) throw new TypeError('The data are not a JSON value');
    const members = JSON.stringify({ type: 'request', method, timeoutMs, trace }).slice(1, -1);
    const answer = (await this.#ask(`${members},"payload":${payload}}`, true, options)) as ResponseFrame;
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
    const answer = deferred<Answer>();
    const giveUp = (error: RealtimeError): void => {
      if (once && request.id > 0) {
        this.#connection.send(
          `{"id":${this.#connection.nextRequestId()},"type":"cancel","re":${request.id}}`,
        );
      }
      this.#fail(request, error);
    };
    const request: OpenRequest = {
      members,
      answer,
      timer: setTimeout(
        () => giveUp(new RealtimeError('TIMEOUT', `No answer within ${timeoutMs} ms`, { retryable: true })),
        timeoutMs,
      ),
      once,
      signal,
      onAbort: () =>
        giveUp(
          new RealtimeError('REQUEST_CANCELLED', 'The request was cancelled', { cause: signal!.reason }),
        ),
      id: 0,
    };
    this.#open.add(request);
    signal?.addEventListener('abort', request.onAbort);
    if (signal?.aborted) request.onAbort();
    else if (this.#connection.connected !== undefined) this.#send(request);
    return answer.promise;
  }

  #send(request: OpenRequest): void {
    const { maxFrameBytes } = this.#connection.connected!.limits;
    const id = this.#connection.nextRequestId();
    const frame = this.#connection.encode(`{"id":${id},${request.members}`);
    const bytes = (typeof frame === 'string' ? new TextEncoder().encode(frame) : frame).length;
    if (bytes > maxFrameBytes) {
      this.#fail(request, frameTooLarge(bytes, maxFrameBytes));
      return;
    }
    request.id = id;
    this.#connection.sendEncoded(frame);
  }

  onUp(): void {
    for (const request of this.#open) this.#send(request);
  }

  onDown(): void {
    const text = 'The connection broke before the answer: the request may have been carried out or not';
    for (const request of this.#open) {
      if (request.once && request.id > 0)
        this.#fail(request, new RealtimeError('OUTCOME_UNKNOWN', text, { retryable: true }));
    }
  }

  onEnd(error: RealtimeError): void {
    for (const request of this.#open) this.#fail(request, error);
  }

  onFrame(frame: ServerFrame): void {
    if (frame.type !== 'history' && frame.type !== 'response' && frame.type !== 'error') return;
    for (const request of this.#open) {
      if (request.id !== frame.re) continue;
      if (frame.type === 'error') this.#fail(request, fromErrorBody(frame));
      else this.#settle(request).resolve(frame);
    }
  }

  #fail(request: OpenRequest, error: RealtimeError): void {
    this.#settle(request).reject(error);
  }

  #settle(request: OpenRequest): Deferred<Answer> {
    clearTimeout(request.timer);
    request.signal?.removeEventListener('abort', request.onAbort);
    this.#open.delete(request);
    return request.answer;
  }
}
