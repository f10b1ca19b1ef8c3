import { CarillonError } from '@carillon/protocol';
import type { AnswerRequest, GivenRequest, MethodKey } from './requests.ts';
import { writeRefusal } from './requests-asker.ts';

/** Result of a request: an answer for its requester, or nothing because the requester is gone. */
export type RequestResult = { readonly isOk: boolean; readonly text: string } | undefined;

const NOT_BEGUN = { isOk: false, text: writeRefusal(new CarillonError('NO_RESPONDER')) };

export interface ResponderDependencies {
  readonly answer: AnswerRequest;
  /** Never rejects. */
  readonly reply: (asker: string, request: GivenRequest, result: RequestResult) => void;
}

/** Requests that were given to this node and are being answered. */
export class Responder {
  readonly #deps: ResponderDependencies;
  readonly #running = new Map<string, AbortController>();
  readonly #loads = new Map<MethodKey, number>();

  constructor(deps: ResponderDependencies) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Open requests of a method. */
  load(method: MethodKey): number {
    return this.#loads.get(method) ?? 0;
  }

  /** One whose time has passed is dropped: its asker has been told. */
  take(asker: string, request: GivenRequest): void {
    if (request.timeoutMs <= 0) this.#deps.reply(asker, request, undefined);
    else if (!request.mayBegin()) this.#deps.reply(asker, request, NOT_BEGUN);
    else if (!this.#running.has(request.id)) void this.#run(asker, request);
  }

  async #run(asker: string, request: GivenRequest): Promise<void> {
    const abort = new AbortController();
    this.#running.set(request.id, abort);
    this.#count(request.method, 1);
    const timer = setTimeout(() => abort.abort(), request.timeoutMs);
    const result = await this.#deps.answer(request, abort.signal).then(
      (text) => ({ isOk: true, text }),
      (error: unknown) => ({ isOk: false, text: writeRefusal(error) }),
    );
    clearTimeout(timer);
    this.#running.delete(request.id);
    this.#count(request.method, -1);
    this.#deps.reply(asker, request, abort.signal.aborted ? undefined : result);
  }

  /** The requester has stopped waiting for this answer. */
  cancel(id: string): void {
    this.#running.get(id)?.abort();
  }

  stop(): void {
    for (const abort of this.#running.values()) abort.abort();
  }

  #count(method: MethodKey, by: number): void {
    const load = this.load(method) + by;
    if (load === 0) this.#loads.delete(method);
    else this.#loads.set(method, load);
  }
}
