/** A load process as seen by the scenario that steers it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, LoadReport, Order, Plan } from './plan.ts';

export class LoadProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(new URL('./worker.ts', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  async open(plan: Plan): Promise<void> {
    await this.#ask({ do: 'open', plan });
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
