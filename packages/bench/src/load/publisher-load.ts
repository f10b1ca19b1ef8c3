import { LoadClient } from './client.ts';
import type { LoadReport, Opening, PublisherPlan } from './plan.ts';
import { nowUs, Tally } from './tally.ts';

/** How often the open loop looks at the clock. Finer than this costs more CPU than the work measured. */
const TICK_MS = 1;

interface Line {
  readonly client: LoadClient;
  readonly channels: readonly string[];
  /** Next `n` by channel. */
  readonly next: number[];
  /** Sending times of unanswered publishes, oldest first: answers come in order. */
  readonly sent: number[];
  turn: number;
}

/** Connections that publish at a rate (open loop) or with a number of publishes in flight (closed loop). */
export class PublisherLoad {
  readonly #plan: PublisherPlan;
  readonly #tally = new Tally();
  readonly #lines: Line[] = [];
  readonly #pad: string;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #id = 10;

  constructor(plan: PublisherPlan) {
    this.#plan = plan;
    this.#pad = plan.pad ?? 'x'.repeat(plan.padBytes);
  }

  async open(): Promise<Opening> {
    const fromUs = nowUs();
    for (const { port, channels } of this.#plan.connections) {
      const sent: number[] = [];
      const client = new LoadClient({
        port,
        dialect: this.#plan.dialect,
        token: this.#plan.token,
        counts: this.#tally.counts,
        onProblem: this.#tally.problem,
        onAccepted: () => this.#onAccepted(line),
      });
      const line: Line = { client, channels, next: channels.map(() => 1), sent, turn: 0 };
      this.#lines.push(line);
      await client.open();
    }
    return { fromUs, toUs: nowUs(), timesUs: [] };
  }

  start(): void {
    this.#running = true;
    if (this.#plan.ratePerSecond !== undefined) this.#startOpenLoop(this.#plan.ratePerSecond);
    else
      for (const line of this.#lines)
        for (let i = 0; i < (this.#plan.inFlight ?? 1); i++) this.#publish(line);
  }

  mark(): void {
    this.#tally.mark();
  }

  /** Ends the publishing; the connections stay, so that answers still come. */
  async stop(): Promise<void> {
    this.#running = false;
    clearInterval(this.#timer);
  }

  report(): LoadReport {
    return this.#tally.report();
  }

  /** Warm-up included. A channel has one publisher, so its next number says how many there were. */
  publishedByChannel(): Record<string, number> {
    return Object.fromEntries(
      this.#lines.flatMap(({ channels, next }) => channels.map((channel, i) => [channel, next[i]! - 1])),
    );
  }

  #startOpenLoop(ratePerSecond: number): void {
    const start = nowUs();
    let published = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((nowUs() - start) * ratePerSecond) / 1_000_000);
      for (; published < due; published++) this.#publish(this.#lines[published % this.#lines.length]!);
    }, TICK_MS);
  }

  #publish(line: Line): void {
    const index = line.turn++ % line.channels.length;
    const t = nowUs();
    line.sent.push(t);
    this.#tally.published++;
    const channel = line.channels[index]!;
    const name = this.#plan.namesChannel ? `,"c":"${channel}"` : '';
    const payload = `{"t":${t},"n":${line.next[index]!++}${name},"pad":"${this.#pad}"}`;
    line.client.publish(line.client.dialect.publish(channel, this.#id++, payload));
  }

  #onAccepted(line: Line): void {
    const sentUs = line.sent.shift();
    if (sentUs !== undefined) this.#tally.time(sentUs);
    if (this.#running && this.#plan.ratePerSecond === undefined) this.#publish(line);
  }
}
