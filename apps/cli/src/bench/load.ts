import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type { RealtimeClient } from '@carillon/client';
import { atMost } from './at-most.ts';
import { Latencies } from './latencies.ts';
import type { BenchPlan } from './plan.ts';
import { type BenchPayload, Publisher } from './publisher.ts';
import { SequenceCheck } from './sequence-check.ts';

/** Connections that are being opened at the same time. */
const OPEN_AT_ONCE = 50;
/** Silence, in ms after the last delivery, until the outstanding messages count as lost. */
const SILENCE_MS = 3_000;
/** The SDK keeps a publish for minutes while there is no connection; a person who waits for the result does not. */
const ANSWERS_WITHIN_MS = 10_000;
const POLL_MS = 50;
const MAX_PROBLEMS = 10;

export interface Counts {
  connected: number;
  failed: number;
  delivered: number;
  /** Listeners whose connection is away at the moment. */
  away: number;
  /** Times that the connection of a listener ended by itself. */
  disconnected: number;
}

interface Listener {
  readonly channel: string;
  readonly check: SequenceCheck;
}

/** The clients of a run: those that listen and those that publish. */
export class Load {
  readonly counts: Counts = { connected: 0, failed: 0, delivered: 0, away: 0, disconnected: 0 };
  readonly latencies = new Latencies();
  readonly connecting = new Latencies();
  /** The first different ones. */
  readonly problems = new Set<string>();
  readonly #plan: BenchPlan;
  readonly #open: (index: number) => Promise<RealtimeClient>;
  readonly #clients: RealtimeClient[] = [];
  readonly #listeners: Listener[] = [];
  #publishers: readonly Publisher[] = [];

  /** @param open opens client number `index`, each maybe as another user */
  constructor(plan: BenchPlan, open: (index: number) => Promise<RealtimeClient>) {
    this.#plan = plan;
    this.#open = open;
  }

  get accepted(): number {
    return this.#publishers.reduce((sum, { accepted }) => sum + accepted, 0);
  }

  get refused(): number {
    return this.#publishers.reduce((sum, { refused }) => sum + refused, 0);
  }

  /** Publishes that have no answer, and may have got in. */
  get unanswered(): number {
    return this.#publishers.reduce((sum, { unanswered }) => sum + unanswered, 0);
  }

  /** Opens the listeners, spread over the ramp-up, and then the publishers. @throws when a publisher can't connect */
  async connect(): Promise<void> {
    const { clients, rampUpMs } = this.#plan;
    const startMs = performance.now();
    let next = 0;
    const openSome = async (): Promise<void> => {
      while (next < clients) {
        const index = next++;
        const waitMs = startMs + (rampUpMs * index) / clients - performance.now();
        if (waitMs > 0) await pause(waitMs);
        await this.#listen(index);
      }
    };
    await Promise.all(Array.from({ length: Math.min(OPEN_AT_ONCE, clients) }, openSome));
    this.#publishers = await Promise.all(
      Array.from({ length: this.#plan.publishers }, (_, i) => this.#publisher(i)),
    );
  }

  start(): void {
    for (const publisher of this.#publishers) publisher.start();
  }

  /** Ends publishing, and waits until all has come, or nothing comes any more. */
  async settle(): Promise<void> {
    const answers = Promise.all(this.#publishers.map((publisher) => publisher.stop()));
    await atMost(answers, ANSWERS_WITHIN_MS);
    let last = { delivered: this.counts.delivered, atMs: performance.now() };
    while (this.lost > 0 && performance.now() - last.atMs < SILENCE_MS) {
      await pause(POLL_MS);
      // When this process stood still, what came meanwhile is read after the timers.
      await turn();
      if (this.counts.delivered !== last.delivered)
        last = { delivered: this.counts.delivered, atMs: performance.now() };
    }
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /** Deliveries that have not come, of what was accepted. The rest leaves a gap in the numbers, which is no loss. */
  get lost(): number {
    const published = new Map(this.#publishers.flatMap((publisher) => [...publisher.published]));
    const missing = this.#listeners.reduce(
      (sum, { channel, check }) => sum + check.lostOf(published.get(channel) ?? 0),
      0,
    );
    const listeners = this.#listeners.length / Math.max(1, this.#plan.channels.length);
    return Math.max(0, missing - Math.round((this.refused + this.unanswered) * listeners));
  }

  get duplicated(): number {
    return this.#listeners.reduce((sum, { check }) => sum + check.duplicated, 0);
  }

  get reordered(): number {
    return this.#listeners.reduce((sum, { check }) => sum + check.reordered, 0);
  }

  readonly #problem = (text: string): void => {
    if (this.problems.size < MAX_PROBLEMS) this.problems.add(text);
  };

  async #listen(index: number): Promise<void> {
    const { channels } = this.#plan;
    const channel = channels[index % channels.length]!;
    const startMs = performance.now();
    try {
      const client = await this.#open(index);
      this.#clients.push(client);
      this.#watch(client);
      const check = new SequenceCheck();
      await client.subscribe<BenchPayload>(channel, ({ payload }) => this.#onMessage(check, payload)).ready();
      this.#listeners.push({ channel, check });
      this.connecting.record(performance.now() - startMs);
      this.counts.connected++;
    } catch (error) {
      this.counts.failed++;
      this.#problem(error instanceof Error ? error.message : String(error));
    }
  }

  #watch(client: RealtimeClient): void {
    client.on('disconnected', ({ code, reason, willReconnect }) => {
      if (!willReconnect) return;
      this.counts.disconnected++;
      this.counts.away++;
      this.#problem(`a connection ended: ${reason} (${code})`);
    });
    client.on('connected', ({ reconnected }) => {
      if (reconnected) this.counts.away--;
    });
    client.on('recovered', ({ recovered, reason }) => {
      if (!recovered) this.#problem(`what was missed could not be recovered (${reason})`);
    });
  }

  #onMessage(check: SequenceCheck, payload: BenchPayload): void {
    check.take(payload.n);
    this.counts.delivered++;
    this.latencies.record(performance.now() - payload.t);
  }

  async #publisher(index: number): Promise<Publisher> {
    const { channels, publishers, payloadBytes, ratePerSecond, clients } = this.#plan;
    const client = await this.#open(clients + index);
    this.#clients.push(client);
    return new Publisher({
      client,
      channels: channels.filter((_, i) => i % publishers === index),
      payloadBytes,
      ratePerSecond: ratePerSecond === undefined ? undefined : ratePerSecond / publishers,
      onRefused: this.#problem,
    });
  }
}
