import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, ChannelKey } from '@carillon/broker';
import { encodeRecord } from '@carillon/protocol';

const PAUSE_MS = 2;
const KEEPING = { history: undefined, durable: false };

/** Messages to some channels, one batch after the other, until it is stopped. */
export class MessageLoad {
  /** Newest seq by channel. */
  readonly seqs = new Map<ChannelKey, number>();
  readonly #broker: Broker;
  readonly #channels: readonly ChannelKey[];
  readonly #waiting = new Set<() => void>();
  #counter = 0;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(broker: Broker, channels: readonly ChannelKey[]) {
    this.#broker = broker;
    this.#channels = channels;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  get published(): number {
    return this.#counter;
  }

  /** Resolves when `count` further messages were accepted. */
  async more(count: number): Promise<void> {
    const goal = this.#counter + count;
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = (): void => {
      if (this.#counter >= goal) resolve();
    };
    this.#waiting.add(check);
    await Promise.race([promise, this.#running]);
    this.#waiting.delete(check);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) await this.#publishOnce();
  }

  async #publishOnce(): Promise<void> {
    const outcomes = await this.#broker.publisher.publish(
      this.#channels.map((channel) => {
        const id = `m-${++this.#counter}`;
        return { channel, id, record: encodeRecord({ id, timestamp: Date.now() }, '1'), keeping: KEEPING };
      }),
    );
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'refused') throw outcome.error;
      this.seqs.set(this.#channels[i]!, outcome.seq);
    }
    for (const check of this.#waiting) check();
    // Enough to be in the middle of something at any time, and not so much that the machine itself is what is tested.
    await pause(PAUSE_MS);
  }
}
