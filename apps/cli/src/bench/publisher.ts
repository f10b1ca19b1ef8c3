import type { RealtimeClient } from '@carillon/client';

/** How often the open loop looks at the clock. */
const TICK_MS = 2;
/** Under stress: unanswered publishes of one connection. */
const IN_FLIGHT = 100;
const PAYLOAD_BASE = '{"t":1234567.123,"n":1234567,"pad":""}'.length;

export interface PublisherOptions {
  readonly client: RealtimeClient;
  readonly channels: readonly string[];
  readonly payloadBytes: number;
  /** Absent: as fast as publishes are accepted. */
  readonly ratePerSecond: number | undefined;
  /** Called once for each kind of refusal. */
  readonly onRefused: (reason: string) => void;
}

/**
 * Payload of a benchmark message: `t` is its send time (`performance.now()` of this process, ms), `n` its number within
 * its channel, from 1.
 */
export interface BenchPayload {
  readonly t: number;
  readonly n: number;
  readonly pad: string;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #pad: string;
  /** Messages by channel that the gateway has not refused. */
  readonly published = new Map<string, number>();
  readonly #open = new Set<Promise<void>>();
  accepted = 0;
  refused = 0;
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#pad = 'x'.repeat(Math.max(0, options.payloadBytes - PAYLOAD_BASE));
    for (const channel of options.channels) this.published.set(channel, 0);
  }

  start(): void {
    this.#running = true;
    const { ratePerSecond } = this.#options;
    if (ratePerSecond === undefined) for (let i = 0; i < IN_FLIGHT; i++) this.#publish();
    else this.#openLoop(ratePerSecond);
  }

  /** Publishes that have no answer yet: nobody can say what became of them. */
  get unanswered(): number {
    return this.#open.size;
  }

  /** Ends publishing; resolves when each publish has its answer, which without a connection may be minutes. */
  async stop(): Promise<void> {
    this.#running = false;
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  #openLoop(ratePerSecond: number): void {
    const startMs = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startMs) * ratePerSecond) / 1000);
      for (; sent < due; sent++) this.#publish();
    }, TICK_MS);
  }

  #publish(): void {
    const { channels } = this.#options;
    const channel = channels[this.#turn++ % channels.length]!;
    const n = this.published.get(channel)! + 1;
    this.published.set(channel, n);
    const sending: Promise<void> = this.#send(channel, n).finally(() => {
      this.#open.delete(sending);
      if (this.#running && this.#options.ratePerSecond === undefined) this.#publish();
    });
    this.#open.add(sending);
  }

  async #send(channel: string, n: number): Promise<void> {
    const payload: BenchPayload = { t: performance.now(), n, pad: this.#pad };
    try {
      await this.#options.client.publish(channel, payload);
      this.accepted++;
    } catch (error) {
      this.refused++;
      this.#options.onRefused(error instanceof Error ? error.message : String(error));
    }
  }
}
