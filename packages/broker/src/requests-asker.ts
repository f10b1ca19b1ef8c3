import { CarillonError, isErrorCode } from '@carillon/protocol';
import type { AskedRequest } from './requests.ts';

/** A node that said it has not begun is no reason to give up: so many others are asked. */
const MAX_OTHER_NODES = 2;

/** On its way to a node. */
export interface NamedRequest extends AskedRequest {
  readonly id: string;
}

export interface AskerDependencies {
  readonly node: string;
  /** Hands a request to a node that isn't one of `tried`; answers which. @throws CarillonError NO_RESPONDER, RESPONDER_BUSY */
  readonly dispatch: (request: NamedRequest, tried: readonly string[]) => Promise<string>;
  /** Tells a node that nobody waits for its answer. */
  readonly cancel: (node: string, id: string) => void;
}

interface OpenRequest {
  /** The node that has the request; `undefined` while it is being handed over. */
  node: string | undefined;
  answered: boolean;
  /** Resolves when it is known who has it, or that nobody has. */
  handedOver: Promise<void>;
  readonly resolve: (body: string) => void;
  readonly reject: (error: unknown) => void;
}

/** Requests of this node that wait for their answers. */
export class Asker {
  readonly #deps: AskerDependencies;
  readonly #open = new Map<string, OpenRequest>();
  #counter = 0;

  constructor(deps: AskerDependencies) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Nodes that have requests of this one. */
  targets(): ReadonlySet<string> {
    const nodes = [...this.#open.values()].map(({ node }) => node);
    return new Set(nodes.filter((node) => node !== undefined));
  }

  async ask(request: AskedRequest, signal: AbortSignal): Promise<string> {
    const deadlineMs = performance.now() + request.timeoutMs;
    const tried: string[] = [];
    for (;;) {
      const others = tried.length;
      const timeoutMs = Math.max(1, Math.ceil(deadlineMs - performance.now()));
      try {
        return await this.#askOne({ ...request, timeoutMs }, signal, tried);
      } catch (error) {
        const notBegun = error instanceof CarillonError && error.code === 'NO_RESPONDER';
        // When `tried` has not grown, no node was asked: there is no other one.
        if (!notBegun || tried.length === others || others >= MAX_OTHER_NODES) throw error;
      }
    }
  }

  async #askOne(request: AskedRequest, signal: AbortSignal, tried: string[]): Promise<string> {
    const id = `${this.#deps.node}-r${(this.#counter++).toString(36)}`;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const open: OpenRequest = {
      node: undefined,
      answered: false,
      handedOver: Promise.resolve(),
      resolve,
      reject,
    };
    const onAbort = (): void => reject(new CarillonError('REQUEST_CANCELLED'));
    const timer = setTimeout(() => reject(outOfTime(request, open)), request.timeoutMs);
    this.#open.set(id, open);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else open.handedOver = this.#dispatch({ ...request, id }, open, tried);
    try {
      return await promise;
    } catch (error) {
      // An answer may come before the news of who has the request.
      if (open.answered) await open.handedOver;
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      this.#open.delete(id);
      if (!open.answered && open.node !== undefined) this.#deps.cancel(open.node, id);
    }
  }

  async #dispatch(request: NamedRequest, open: OpenRequest, tried: string[]): Promise<void> {
    try {
      const node = await this.#deps.dispatch(request, tried);
      open.node = node;
      tried.push(node);
      // Given up while it was handed over.
      if (!this.#open.has(request.id) && !open.answered) this.#deps.cancel(node, request.id);
    } catch (error) {
      open.reject(error);
    }
  }

  /** Answers that nobody waits for are dropped. */
  onAnswer(id: string, isOk: boolean, text: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    open.answered = true;
    if (isOk) open.resolve(text);
    else open.reject(readRefusal(text));
  }

  /** These nodes are gone with what they had. */
  lost(nodes: ReadonlySet<string>): void {
    for (const { node, reject } of this.#open.values())
      if (node !== undefined && nodes.has(node)) reject(new CarillonError('RESPONDER_LOST'));
  }

  stop(): void {
    const error = new CarillonError('UNAVAILABLE', 'This gateway stopped while the request was under way.');
    for (const { reject } of this.#open.values()) reject(error);
  }
}

function outOfTime({ timeoutMs }: AskedRequest, { node }: OpenRequest): CarillonError {
  const text = `No answer came within ${timeoutMs} ms.`;
  return new CarillonError(
    'TIMEOUT',
    node === undefined
      ? `${text} The request may not have reached anybody.`
      : `${text} It may have been done.`,
  );
}

/** A responder's rejection on its way. */
export function writeRefusal(error: unknown): string {
  const { code, message, retryAfterMs } =
    error instanceof CarillonError ? error : new CarillonError('INTERNAL');
  return JSON.stringify({ code, message, retryAfterMs });
}

/** Decodes a refusal as the requester gets it. */
export function readRefusal(text: string): CarillonError {
  const refusal = JSON.parse(text) as { code: string; message: string; retryAfterMs?: number };
  const { code, message, retryAfterMs } = refusal;
  // A newer version may have codes that this one doesn't know.
  return new CarillonError(
    isErrorCode(code) ? code : 'INTERNAL',
    message,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}
