/** Clients that come back, in load processes in Node: for servers with other rules than Carillon's, and where there is no compiler. */
import { LoadProcess } from './load-process.ts';
import { addedUp, type ResumeReport } from './plan.ts';
import type { Returning, ReturningPlan, Returns } from './returning.ts';

/** Each client is a file descriptor here, and twice one while it is replaced. */
const CLIENTS_PER_PROCESS = 5_000;

export class NodeReturning implements Returning {
  readonly #loads: readonly LoadProcess[];
  readonly #plan: ReturningPlan;

  constructor(plan: ReturningPlan) {
    this.#plan = plan;
    const processes = Math.ceil(plan.clients.length / CLIENTS_PER_PROCESS);
    this.#loads = Array.from({ length: processes }, () => new LoadProcess());
  }

  async open(): Promise<void> {
    const { clients, ...plan } = this.#plan;
    const share = Math.ceil(clients.length / this.#loads.length);
    await Promise.all(
      this.#loads.map((load, i) =>
        load.open({ role: 'resuming', ...plan, clients: clients.slice(i * share, (i + 1) * share) }),
      ),
    );
  }

  async mark(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.mark()));
  }

  async drop(atUs: number, count: number): Promise<void> {
    const share = Math.ceil(count / this.#loads.length);
    await Promise.all(this.#loads.map((load) => load.drop(atUs, share)));
  }

  async returns(): Promise<Returns> {
    const reports = await Promise.all(this.#loads.map((load) => load.report()));
    return {
      cpuUs: reports.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
      resumeUs: reports.flatMap(({ resumeUs }) => resumeUs ?? []),
      problems: reports.flatMap(({ problems }) => problems),
    };
  }

  async finish(published: Readonly<Record<string, number>>): Promise<ResumeReport> {
    return addedUp(await Promise.all(this.#loads.map((load) => load.finish(published))));
  }

  end(): void {
    for (const load of this.#loads) load.end();
  }
}
