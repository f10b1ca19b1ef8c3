/** A load process as seen by the scenario that steers it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Faults, LoadReport, Opening, Order, Plan, ResumeReport } from './plan.ts';

export class LoadProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(new URL('./worker.ts', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  async open(plan: Plan): Promise<Opening> {
    await this.prepare(plan);
    return await this.openPrepared();
  }

  /**
   * Transfers the plan for {@link openPrepared}. A separate step: a plan of thousands of connections takes a while to
   * arrive.
   */
  async prepare(plan: Plan): Promise<void> {
    await this.#ask({ do: 'prepare', plan });
  }

  async openPrepared(): Promise<Opening> {
    const answer = await this.#ask({ do: 'open' });
    if (!('opening' in answer)) throw new Error('a load process did not say how it opened');
    return answer.opening;
  }

  async start(): Promise<void> {
    await this.#ask({ do: 'start' });
  }

  /** Measurement begins here; what came before was warm-up. */
  async mark(): Promise<void> {
    await this.#ask({ do: 'mark' });
  }

  async stop(): Promise<void> {
    await this.#ask({ do: 'stop' });
  }

  async report(): Promise<LoadReport> {
    const answer = await this.#ask({ do: 'report' });
    if (!('report' in answer)) throw new Error('a load process answered without a report');
    return answer.report;
  }

  /** Messages published so far, warm-up included, by channel. */
  async published(): Promise<Readonly<Record<string, number>>> {
    const answer = await this.#ask({ do: 'published' });
    if (!('published' in answer)) throw new Error('a load process did not say what it published');
    return answer.published;
  }

  /** Waits for what is under way, and compares with what was published by channel. */
  async settle(published: Readonly<Record<string, number>>): Promise<Faults> {
    const answer = await this.#ask({ do: 'settle', published });
    if (!('faults' in answer)) throw new Error('a load process did not say what it lost');
    return answer.faults;
  }

  /** Drops the first `count` connections at once; resolves when all are back. */
  async drop(atUs: number, count: number): Promise<void> {
    await this.#ask({ do: 'drop', atUs, count });
  }

  /** From now on each connection is cut at random, every `everyMs` on average. */
  async startCutting(everyMs: number): Promise<void> {
    await this.#ask({ do: 'cut', everyMs });
  }

  /** No more cuts; resolves when all are back. */
  async calm(): Promise<void> {
    await this.#ask({ do: 'calm' });
  }

  /** Waits for what is under way and compares what came with what was published. */
  async finish(published: Readonly<Record<string, number>>): Promise<ResumeReport> {
    const answer = await this.#ask({ do: 'finish', published });
    if (!('resumed' in answer)) throw new Error('a load process did not say what it resumed');
    return answer.resumed;
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  async #ask(order: Order): Promise<Answer> {
    this.#child.send(order);
    const [answer] = (await Promise.race([
      once(this.#child, 'message'),
      once(this.#child, 'exit').then(() => [{ failed: 'the load process ended' }]),
    ])) as [Answer];
    if ('failed' in answer) throw new Error(`${order.do}: ${answer.failed}`);
    return answer;
  }
}
