import type { HistoryResultFrame, ServerFrame } from '@carillon/protocol';
import type { Connection } from './connection.ts';
import { type Deferred, deferred } from './deferred.ts';
import { fromErrorBody, RealtimeError } from './errors.ts';

/** Questions that may wait at a time. */
const MAX_REQUESTS = 256;

interface OpenRequest {
  /** Frame without its opening `{"id":1`. */
  readonly members: string;
  readonly answer: Deferred<HistoryResultFrame>;
  readonly timer: ReturnType<typeof setTimeout>;
  id: number;
}

/** Questions that change nothing, and so may simply be asked again on the next connection. */
export class Requests {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #open = new Set<OpenRequest>();

  constructor(deps: { readonly connection: Connection; readonly timeoutMs: number }) {
    this.#connection = deps.connection;
    this.#timeoutMs = deps.timeoutMs;
  }

  async ask(frame: {
    readonly type: 'history';
    readonly [member: string]: unknown;
  }): Promise<HistoryResultFrame> {
    this.#connection.assertUsable();
    if (this.#open.size >= MAX_REQUESTS) {
      const text = `${MAX_REQUESTS} requests wait for an answer already`;
      throw new RealtimeError('REQUESTS_FULL', text, { retryable: true });
    }
    const answer = deferred<HistoryResultFrame>();
    const request: OpenRequest = {
      members: JSON.stringify(frame).slice(1),
      answer,
      timer: setTimeout(() => this.#timeout(request), this.#timeoutMs),
      id: 0,
    };
    this.#open.add(request);
    if (this.#connection.connected !== undefined) this.#send(request);
    return answer.promise;
  }

  #send(request: OpenRequest): void {
    request.id = this.#connection.nextRequestId();
    this.#connection.send(`{"id":${request.id},${request.members}`);
  }

  #timeout(request: OpenRequest): void {
    const text = `No answer within ${this.#timeoutMs} ms`;
    this.#settle(request, () =>
      request.answer.reject(new RealtimeError('TIMEOUT', text, { retryable: true })),
    );
  }

  onUp(): void {
    for (const request of this.#open) this.#send(request);
  }

  onEnd(error: RealtimeError): void {
    for (const request of this.#open) this.#settle(request, () => request.answer.reject(error));
  }

  onFrame(frame: ServerFrame): void {
    if (frame.type !== 'history' && frame.type !== 'error') return;
    for (const request of this.#open) {
      if (request.id !== frame.re) continue;
      this.#settle(request, () => {
        if (frame.type === 'history') request.answer.resolve(frame);
        else request.answer.reject(fromErrorBody(frame));
      });
    }
  }

  #settle(request: OpenRequest, finish: () => void): void {
    clearTimeout(request.timer);
    this.#open.delete(request);
    finish();
  }
}
