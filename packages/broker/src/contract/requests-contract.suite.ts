/** Request and response, the same for every broker adapter. */
import { CarillonError } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, BrokerLimits } from '../ports.ts';
import type { AnswerRequest, GivenRequest, MethodKey, RequestNode } from '../requests.ts';
import type { ContractSetup } from './broker-contract.suite.ts';

const METHOD: MethodKey = 'app/quotes.price';
const NEVER = new AbortController().signal;

/** A responder that keeps what it is given until the test answers. */
class Desk {
  readonly given: { readonly request: GivenRequest; readonly signal: AbortSignal }[] = [];
  readonly #answers = new Map<string, PromiseWithResolvers<string>>();
  #wake: (() => void)[] = [];

  readonly answer: AnswerRequest = (request, signal) => {
    const deferred = Promise.withResolvers<string>();
    this.#answers.set(request.body, deferred);
    this.given.push({ request, signal });
    for (const wake of this.#wake.splice(0)) wake();
    return deferred.promise;
  };

  async until(count: number): Promise<void> {
    while (this.given.length < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  resolve(body: string, text: string): void {
    this.#answers.get(body)!.resolve(text);
  }

  reject(body: string, error: unknown): void {
    this.#answers.get(body)!.reject(error);
  }
}

const echo: AnswerRequest = async ({ body }) => `re ${body}`;

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'answered',
    (error: unknown) => (error instanceof CarillonError ? error.code : String(error)),
  );
}

export function describeRequestsContract(
  name: string,
  createSetup: (limits?: Partial<BrokerLimits>) => Promise<ContractSetup>,
): void {
  describe(`requests contract: ${name}`, () => {
    let setup: ContractSetup;
    let nodes: RequestNode[] = [];
    let names = 0;

    beforeEach(async () => {
      nodes = [];
      setup = await createSetup();
    });

    afterEach(async () => {
      for (const node of nodes) await node.stop();
      await setup.close();
    });

    const open = async (answer: AnswerRequest = echo, capacity = 0, of?: Broker): Promise<RequestNode> => {
      const broker = of ?? (await setup.open());
      const node = broker.requests(`n${++names}`, answer);
      nodes.push(node);
      if (capacity > 0) await node.offer(new Map([[METHOD, capacity]]));
      return node;
    };
    const ask = (
      node: RequestNode,
      body: string,
      { timeoutMs = 60_000, signal = NEVER, method = METHOD } = {},
    ): Promise<string> => node.ask({ method, body, timeoutMs }, signal);

    it('[RQ1] brings a request to the node that offers the method, and its answer back', async () => {
      const asker = await open();
      await open(echo, 1);
      expect(await ask(asker, 'any\ntext \u2028 "quoted"')).toBe('re any\ntext \u2028 "quoted"');
      expect(await ask(asker, '')).toBe('re ');
    });

    it('answers a node that asks itself', async () => {
      expect(await ask(await open(echo, 1), 'own')).toBe('re own');
    });

    it('[RQ1] gives each of many concurrent requests its own answer, over several nodes', async () => {
      const asked = [await open(), await open()];
      const seen = [new Set<string>(), new Set<string>()];
      for (const set of seen)
        await open(async ({ body }) => {
          set.add(body);
          return `re ${body}`;
        }, 10);
      const bodies = Array.from({ length: 400 }, (_, i) => `${i}`);
      const answers = await Promise.all(bodies.map((body, i) => ask(asked[i % 2]!, body)));
      expect(answers).toEqual(bodies.map((body) => `re ${body}`));
      // Each once, and both had their share.
      expect(seen[0]!.size + seen[1]!.size).toBe(400);
      expect(Math.min(seen[0]!.size, seen[1]!.size)).toBeGreaterThan(40);
    });

    it('[RQ3] says at once that nobody answers, and that nobody does any longer', async () => {
      const asker = await open();
      expect(await codeOf(ask(asker, 'x'))).toBe('NO_RESPONDER');
      const responder = await open(echo, 1);
      expect(await codeOf(ask(asker, 'x', { method: 'other/quotes.price' }))).toBe('NO_RESPONDER');
      expect(await ask(asker, 'x')).toBe('re x');
      await responder.offer(new Map());
      expect(await codeOf(ask(asker, 'x'))).toBe('NO_RESPONDER');
    });

    it('[RQ3] refuses when as many wait as may, and takes requests again afterwards', async () => {
      const asker = await open();
      const desk = new Desk();
      await open(desk.answer, 1);
      const bodies = Array.from({ length: 1001 }, (_, i) => `${i}`);
      const all = bodies.map((body) => ask(asker, body, { timeoutMs: 60_000 }));
      await desk.until(1001);
      expect(await codeOf(ask(asker, 'one more'))).toBe('RESPONDER_BUSY');
      for (const body of bodies) desk.resolve(body, body);
      expect(await Promise.all(all)).toEqual(bodies);
      const last = ask(asker, 'last');
      await desk.until(1002);
      desk.resolve('last', 'ok');
      expect(await last).toBe('ok');
    });

    it('prefers the node that has less to do for its capacity', async () => {
      const asker = await open();
      const desks = [new Desk(), new Desk()];
      await open(desks[0]!.answer, 30);
      await open(desks[1]!.answer, 10);
      const all = Array.from({ length: 40 }, (_, i) => codeOf(ask(asker, `${i}`)));
      await Promise.all([desks[0]!.until(30), desks[1]!.until(10)]);
      for (const desk of desks) for (const { request } of desk.given) desk.resolve(request.body, 'ok');
      expect(new Set(await Promise.all(all))).toEqual(new Set(['answered']));
      expect(desks.map(({ given }) => given.length)).toEqual([30, 10]);
    });

    it('[RQ4] gives up in time and tells the responder', async () => {
      const asker = await open();
      const desk = new Desk();
      await open(desk.answer, 1);
      // Time enough for the request to be handed over on a busy machine: one that comes too late is not begun.
      const timeoutMs = 4000;
      const asked = codeOf(ask(asker, 'slow', { timeoutMs }));
      await desk.until(1);
      expect(desk.given[0]!.request.timeoutMs).toBeLessThanOrEqual(timeoutMs);
      const { signal } = desk.given[0]!;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      expect(await asked).toBe('TIMEOUT');
      desk.resolve('slow', 'too late');
    });

    it.each(['while it is handed over', 'when it was handed over'])(
      '[RQ5] cancels %s, and tells the responder',
      async (when) => {
        const asker = await open();
        const desk = new Desk();
        await open(desk.answer, 1);
        const abort = new AbortController();
        const asked = codeOf(ask(asker, 'unwanted', { signal: abort.signal }));
        await desk.until(1);
        const { signal } = desk.given[0]!;
        const told = new Promise((resolve) => signal.addEventListener('abort', resolve));
        // Answers come in the order of the questions: after this one the asker knows who has the request.
        if (when === 'when it was handed over') await codeOf(ask(asker, 'x', { method: 'app/none' }));
        abort.abort();
        expect(await asked).toBe('REQUEST_CANCELLED');
        await told;
        expect(await codeOf(ask(asker, 'x', { signal: abort.signal }))).toBe('REQUEST_CANCELLED');
        expect(desk.given).toHaveLength(1);
      },
    );

    it('tells the asker with which code a responder refuses', async () => {
      const asker = await open();
      await open(() => Promise.reject(new CarillonError('RESPONDER_LOST')), 1);
      expect(await codeOf(ask(asker, 'x'))).toBe('RESPONDER_LOST');
    });

    it('[RQ6] asks another node when one says that it has not begun, and no more than once each', async () => {
      const asker = await open();
      const refusals: string[] = [];
      const refuse: AnswerRequest = async ({ body }) => {
        refusals.push(body);
        throw new CarillonError('NO_RESPONDER');
      };
      await open(refuse, 1000);
      expect(await codeOf(ask(asker, 'a'))).toBe('NO_RESPONDER');
      await open(echo, 1);
      expect(refusals).toEqual(['a']);
      // The first of the two to be asked is chosen at random.
      while (refusals.length === 1) expect(await ask(asker, 'b')).toBe('re b');
      expect(refusals).toEqual(['a', 'b']);
    });

    it('[RQ6] a node that leaves with requests: they are lost, and are not given to another', async () => {
      const asker = await open();
      const desk = new Desk();
      const leaving = await open(desk.answer, 1);
      const asked = codeOf(ask(asker, 'x'));
      await desk.until(1);
      const successor = new Desk();
      await open(successor.answer, 1);
      await leaving.stop();
      expect(await asked).toBe('RESPONDER_LOST');
      expect(successor.given).toEqual([]);
    });
  });
}
