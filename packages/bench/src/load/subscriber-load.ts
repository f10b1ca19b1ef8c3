import { LoadClient } from './client.ts';
import type { LoadReport, SubscriberPlan } from './plan.ts';
import { Tally } from './tally.ts';

/** Connections that subscribe to one channel each and count. */
export class SubscriberLoad {
  readonly #plan: SubscriberPlan;
  readonly #tally = new Tally();
  readonly #clients: LoadClient[] = [];

  constructor(plan: SubscriberPlan) {
    this.#plan = plan;
  }

  async open(): Promise<void> {
    const { connections, openAtOnce } = this.#plan;
    let next = 0;
    const openSome = async (): Promise<void> => {
      while (next < connections.length) await this.#openOne(next++);
    };
    await Promise.all(Array.from({ length: Math.min(openAtOnce, connections.length) }, openSome));
  }

  start(): void {
    // Subscribers have nothing to start: messages come by themselves.
  }

  mark(): void {
    this.#tally.mark();
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
  }

  report(): LoadReport {
    return this.#tally.report();
  }

  async #openOne(index: number): Promise<void> {
    const { connections, dialect, token, timeEvery } = this.#plan;
    const { port, channel } = connections[index]!;
    const client = new LoadClient({
      port,
      dialect,
      token,
      counts: this.#tally.counts,
      onProblem: this.#tally.problem,
      ...(index % timeEvery === 0 ? { onTimed: this.#tally.time } : {}),
    });
    this.#clients.push(client);
    await client.open();
    await client.subscribe(channel);
  }
}
