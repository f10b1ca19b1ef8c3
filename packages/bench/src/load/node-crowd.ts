/** Many connections opened by load processes in Node, where there is no compiler: they cost more, and a process has only so many files. */
import type { Crowd, CrowdClient, CrowdOpening } from './crowd.ts';
import type { DialectName } from './dialects.ts';
import { LoadProcess } from './load-process.ts';
import type { SubscriberPlan } from './plan.ts';

const CLIENTS_PER_PROCESS = 5_000;

export class NodeCrowd implements Crowd {
  readonly #loads: readonly LoadProcess[];
  readonly #plans: readonly SubscriberPlan[];

  constructor(options: {
    readonly dialect: DialectName;
    readonly clients: readonly CrowdClient[];
    readonly atOnce: number;
  }) {
    const { dialect, clients, atOnce } = options;
    const processes = Math.max(1, Math.ceil(clients.length / CLIENTS_PER_PROCESS));
    const share = Math.ceil(clients.length / processes);
    this.#loads = Array.from({ length: processes }, () => new LoadProcess());
    this.#plans = this.#loads.map((_, i) => ({
      role: 'subscriber',
      dialect,
      token: '',
      connections: clients.slice(i * share, (i + 1) * share),
      timeEvery: 1,
      openAtOnce: Math.ceil(atOnce / processes),
    }));
  }

  async prepare(): Promise<void> {
    await Promise.all(this.#loads.map((load, i) => load.prepare(this.#plans[i]!)));
    await Promise.all(this.#loads.map((load) => load.mark()));
  }

  async open(): Promise<CrowdOpening> {
    const openings = await Promise.all(this.#loads.map((load) => load.openPrepared()));
    const reports = await Promise.all(this.#loads.map((load) => load.report()));
    const from = Math.min(...openings.map(({ fromUs }) => fromUs));
    const to = Math.max(...openings.map(({ toUs }) => toUs));
    return {
      wallUs: to - from,
      cpuUs: reports.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
      timesUs: openings.flatMap(({ timesUs }) => timesUs),
      problems: reports.flatMap(({ problems }) => problems),
    };
  }

  async leave(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()));
    for (const load of this.#loads) load.end();
  }
}
