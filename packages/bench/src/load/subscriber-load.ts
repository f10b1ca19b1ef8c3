import { setTimeout as pause } from 'node:timers/promises';
import { LoadClient } from './client.ts';
import type { Faults, LoadReport, Opening, SubscriberPlan } from './plan.ts';
import { nowUs, Tally } from './tally.ts';

/** Silence, in ms after the last delivery, until messages outstanding at the end of publishing count as lost. */
const SILENCE_MS = 10_000;
const SETTLE_TIMEOUT_MS = 30_000;
const POLL_MS = 50;

/** Connections that subscribe to one channel each and count. */
export class SubscriberLoad {
  readonly #plan: SubscriberPlan;
  readonly #tally = new Tally();
  readonly #clients: LoadClient[] = [];
  #receivedBefore = 0;

  constructor(plan: SubscriberPlan) {
    this.#plan = plan;
  }

  async open(): Promise<Opening> {
    const { connections, openAtOnce } = this.#plan;
    const timesUs: number[] = [];
    const fromUs = nowUs();
    let next = 0;
    const openSome = async (): Promise<void> => {
      while (next < connections.length) {
        const startUs = nowUs();
        await this.#openOne(next++);
        timesUs.push(nowUs() - startUs);
      }
    };
    await Promise.all(Array.from({ length: Math.min(openAtOnce, connections.length) }, openSome));
    return { fromUs, toUs: nowUs(), timesUs };
  }

  mark(): void {
    this.#tally.mark();
    this.#receivedBefore = this.#received();
  }

  /** Resets all connections: nothing of them stays behind in the kernel. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
  }

  report(): LoadReport {
    return { ...this.#tally.report(), receivedBytes: this.#received() - this.#receivedBefore };
  }

  /** @param published by channel, from the first message on */
  async settle(published: Readonly<Record<string, number>>): Promise<Faults> {
    const { counts } = this.#tally;
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    let last = { messages: counts.messages, at: performance.now() };
    while (this.#missing(published) > 0) {
      await pause(POLL_MS);
      const now = performance.now();
      if (counts.messages !== last.messages) last = { messages: counts.messages, at: now };
      if (now - last.at > SILENCE_MS || now > deadline) break;
    }
    const { lost, duplicated, reordered } = counts;
    return { lost: lost + this.#missing(published), duplicated, reordered };
  }

  #received(): number {
    return this.#clients.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
  }

  /** Messages after the last one that came. */
  #missing(published: Readonly<Record<string, number>>): number {
    return this.#clients.reduce((sum, { lastN }, i) => {
      const { channel } = this.#plan.connections[i]!;
      return sum + Math.max(0, (published[channel] ?? 0) - lastN);
    }, 0);
  }

  async #openOne(index: number): Promise<void> {
    const { connections, dialect, timeEvery } = this.#plan;
    const { port, channel, token = this.#plan.token } = connections[index]!;
    const client = new LoadClient({
      port,
      dialect,
      token,
      counts: this.#tally.counts,
      onProblem: this.#tally.problem,
      ...(index % timeEvery === 0 ? { onTimed: this.#tally.time } : {}),
    });
    this.#clients[index] = client;
    await client.open(channel);
  }
}
