import { CarillonError } from '@carillon/protocol';
import type { AnswerRequest, AskedRequest, MethodKey, RequestNode } from '../requests.ts';
import { Asker, type NamedRequest } from '../requests-asker.ts';
import { MAX_WAITING } from '../requests-limits.ts';
import { Responder } from '../requests-responder.ts';

/** Request and response within one process. */
export class MemoryRequests implements RequestNode {
  readonly node: string;
  readonly #nodes: Map<string, MemoryRequests>;
  readonly #asker: Asker;
  readonly #responder: Responder;
  #offers: ReadonlyMap<MethodKey, number> = new Map();
  #stopped = false;

  /** `nodes`: all of the installation. */
  constructor(node: string, answer: AnswerRequest, nodes: Map<string, MemoryRequests>) {
    this.node = node;
    this.#nodes = nodes;
    this.#asker = new Asker({
      node,
      dispatch: async (request, tried) => this.#dispatch(request, tried),
      cancel: (to, id) => this.#nodes.get(to)?.cancel(id),
    });
    this.#responder = new Responder({
      answer,
      reply: (asker, { id }, result) => {
        if (result !== undefined) this.#nodes.get(asker)?.onAnswer(id, result.isOk, result.text);
      },
    });
    nodes.set(node, this);
  }

  async ask(request: AskedRequest, signal: AbortSignal): Promise<string> {
    this.#assertRunning();
    return await this.#asker.ask(request, signal);
  }

  async offer(methods: ReadonlyMap<MethodKey, number>): Promise<void> {
    if (methods.size > 0) this.#assertRunning();
    this.#offers = new Map(methods);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#offers = new Map();
    this.#nodes.delete(this.node);
    this.#asker.stop();
    this.#responder.stop();
    for (const other of this.#nodes.values()) other.#asker.lost(new Set([this.node]));
  }

  /** From another node. */
  cancel(id: string): void {
    this.#responder.cancel(id);
  }

  /** From another node. */
  onAnswer(id: string, isOk: boolean, text: string): void {
    this.#asker.onAnswer(id, isOk, text);
  }

  #assertRunning(): void {
    if (this.#stopped) throw new CarillonError('UNAVAILABLE', 'This node has stopped.');
  }

  #dispatch(request: NamedRequest, tried: readonly string[]): string {
    const { method } = request;
    const able = [...this.#nodes.values()].filter(
      (node) => node.#offers.has(method) && !tried.includes(node.node),
    );
    const target = able.toSorted((a, b) => a.#loadOf(method) - b.#loadOf(method))[0];
    if (target === undefined) throw new CarillonError('NO_RESPONDER');
    const capacity = target.#offers.get(method)!;
    if (target.#loadOf(method) * capacity >= capacity + MAX_WAITING)
      throw new CarillonError('RESPONDER_BUSY', undefined, { retryAfterMs: 1000 });
    target.#responder.take(this.node, { ...request, mayBegin: () => true });
    return target.node;
  }

  /** Open requests per place. */
  #loadOf(method: MethodKey): number {
    return this.#responder.load(method) / this.#offers.get(method)!;
  }
}
