import { setTimeout as pause } from 'node:timers/promises';
import type { LoadReport, Opening, ResumeCounts, ResumeReport, ResumingPlan } from './plan.ts';
import { ResumingClient } from './resuming-client.ts';
import { nowUs, Tally } from './tally.ts';

const ALL_OPEN_TIMEOUT_MS = 60_000;
/** Deadline for all clients to be back after the last drop; later ones are reported as a problem. */
const ALL_BACK_TIMEOUT_MS = 45_000;
/** Messages outstanding when publishing ends count as lost after this time. */
const DRAIN_TIMEOUT_MS = 10_000;
const POLL_MS = 20;
const MAX_RESUME_TIMES = 100_000;

/** Connections that are cut and come back. Counts are exact from the first message on; only the latencies have a warm-up. */
export class ResumingLoad {
  readonly #plan: ResumingPlan;
  readonly #tally = new Tally();
  readonly #clients: ResumingClient[];
  readonly #counts: ResumeCounts = {
    messages: 0,
    arrived: 0,
    duplicated: 0,
    reordered: 0,
    drops: 0,
    attempts: 0,
    failedAttempts: 0,
    recovered: 0,
    notRecovered: {},
  };
  readonly #cuts = new Set<NodeJS.Timeout>();
  #resumeUs: number[] = [];
  #ready = 0;
  #onReady: (() => void) | undefined;

  constructor(plan: ResumingPlan) {
    this.#plan = plan;
    this.#clients = plan.clients.map(
      ({ channels, token }, i) =>
        new ResumingClient({
          dialect: plan.dialect,
          token,
          channels,
          ports: plan.ports,
          firstPort: i,
          counts: this.#counts,
          onTimed: (sentUs) => this.#onTimed(sentUs),
          onReady: (sinceDropUs) => this.#onClientReady(sinceDropUs),
          onProblem: this.#tally.problem,
        }),
    );
  }

  async open(): Promise<Opening> {
    const fromUs = nowUs();
    const { openAtOnce } = this.#plan;
    for (let i = 0; i < this.#clients.length; i += openAtOnce) {
      const batch = this.#clients.slice(i, i + openAtOnce);
      for (const client of batch) client.connect();
      await this.#until(() => batch.every(({ isReady }) => isReady), 'opening');
    }
    return { fromUs, toUs: nowUs(), timesUs: [] };
  }

  mark(): void {
    this.#tally.mark();
    this.#resumeUs = [];
  }

  /** The first `count` at once, and waits until all are back. */
  async drop(atUs: number, count: number): Promise<void> {
    this.#ready = 0;
    const back = new Promise<void>((resolve) => {
      // A client may have come back, lost its connection, and come back once more.
      this.#onReady = () =>
        this.#ready >= count && this.#clients.every(({ isReady }) => isReady) && resolve();
    });
    for (const client of this.#clients.slice(0, count)) client.drop(atUs);
    const late = pause(ALL_BACK_TIMEOUT_MS, undefined, { ref: false }).then(() => {
      if (this.#onReady === undefined) return;
      const missing = this.#clients.filter(({ isReady }) => !isReady).length;
      this.#tally.problem(`${missing} clients did not come back within ${ALL_BACK_TIMEOUT_MS / 1000} s`);
    });
    await Promise.race([back, late]);
    this.#onReady = undefined;
  }

  /** Cuts each connection again and again, at random, on average every `everyMs`; it may hit one that is just coming back. */
  startCutting(everyMs: number): void {
    for (const client of this.#clients) this.#cutLater(client, everyMs);
  }

  /** Resolves when all are back. */
  async calm(): Promise<void> {
    for (const timer of this.#cuts) clearTimeout(timer);
    this.#cuts.clear();
    await this.#until(() => this.#clients.every(({ isReady }) => isReady), 'coming back');
  }

  /** @param published by channel, what should have come to each of its subscribers */
  async finish(published: Readonly<Record<string, number>>): Promise<ResumeReport> {
    const lost = (): number => this.#clients.reduce((sum, client) => sum + lostOf(client, published), 0);
    const deadline = performance.now() + DRAIN_TIMEOUT_MS;
    while (lost() > 0 && performance.now() < deadline) await pause(POLL_MS * 5);
    const expected = this.#plan.clients
      .flatMap(({ channels }) => channels)
      .reduce((sum, channel) => sum + (published[channel] ?? 0), 0);
    return { ...this.#counts, expected, lost: lost(), clients: this.#clients.length };
  }

  async stop(): Promise<void> {
    await this.calm();
    for (const client of this.#clients) client.close();
  }

  report(): LoadReport {
    const report = this.#tally.report();
    return { ...report, resumeUs: this.#resumeUs };
  }

  #onTimed(sentUs: number): void {
    this.#tally.counts.messages++;
    this.#tally.time(sentUs);
  }

  #onClientReady(sinceDropUs: number): void {
    this.#ready++;
    if (sinceDropUs > 0 && this.#resumeUs.length < MAX_RESUME_TIMES) this.#resumeUs.push(sinceDropUs);
    this.#onReady?.();
  }

  #cutLater(client: ResumingClient, everyMs: number): void {
    const timer = setTimeout(
      () => {
        this.#cuts.delete(timer);
        client.drop(nowUs());
        this.#cutLater(client, everyMs);
      },
      Math.random() * 2 * everyMs,
    );
    this.#cuts.add(timer);
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + ALL_OPEN_TIMEOUT_MS;
    while (!isSo()) {
      if (performance.now() > deadline)
        throw new Error(`${what}: not all clients were connected within ${ALL_OPEN_TIMEOUT_MS} ms`);
      await pause(POLL_MS);
    }
  }
}

function lostOf({ arrivals }: ResumingClient, published: Readonly<Record<string, number>>): number {
  let lost = 0;
  for (const [channel, arrived] of arrivals) lost += arrived.lostOf(published[channel] ?? 0);
  return lost;
}
