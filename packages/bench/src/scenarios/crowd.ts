/** Many connections, each with a token and a channel of its own, spread over load processes: a process has only so many file descriptors. */
import { LoadProcess } from '../load/load-process.ts';
import type { LoadReport, Opening, SubscriberPlan } from '../load/plan.ts';
import type { Target } from '../targets/target.ts';

const CLIENTS_PER_PROCESS = 5_000;
/** Connections that are being opened at the same time, over all processes. */
const OPEN_AT_ONCE = 200;

export class Crowd {
  readonly #loads: readonly LoadProcess[];
  readonly #plans: readonly SubscriberPlan[];

  constructor(target: Target, channels: readonly string[], tokens: readonly string[]) {
    const { dialect, token, ports } = target;
    const processes = Math.max(1, Math.ceil(channels.length / CLIENTS_PER_PROCESS));
    const share = Math.ceil(channels.length / processes);
    const all = channels.map((channel, i) => ({
      port: ports[i % ports.length]!,
      channel,
      token: tokens[i]!,
    }));
    this.#loads = Array.from({ length: processes }, () => new LoadProcess());
    this.#plans = this.#loads.map((_, i) => ({
      role: 'subscriber',
      dialect,
      token,
      connections: all.slice(i * share, (i + 1) * share),
      timeEvery: 1,
      openAtOnce: Math.ceil(OPEN_AT_ONCE / processes),
    }));
  }

  async prepare(): Promise<void> {
    await Promise.all(this.#loads.map((load, i) => load.prepare(this.#plans[i]!)));
    await Promise.all(this.#loads.map((load) => load.mark()));
  }

  /** All load processes as one. */
  async open(): Promise<Opening> {
    const openings = await Promise.all(this.#loads.map((load) => load.openPrepared()));
    return {
      fromUs: Math.min(...openings.map(({ fromUs }) => fromUs)),
      toUs: Math.max(...openings.map(({ toUs }) => toUs)),
      timesUs: openings.flatMap(({ timesUs }) => timesUs),
    };
  }

  reports(): Promise<readonly LoadReport[]> {
    return Promise.all(this.#loads.map((load) => load.report()));
  }

  /** Resets all connections. */
  async leave(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()));
  }

  end(): void {
    for (const load of this.#loads) load.end();
  }
}
