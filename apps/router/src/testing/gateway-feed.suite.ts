import type { Broker, ChannelKey, FeedHandler, GatewayFeed } from '@carillon/broker';
import type { Position } from '@carillon/protocol';

/** Deliveries as a client of this gateway would see them: duplicates dropped by seq, gaps recorded. */
export interface Delivered {
  from: Position;
  readonly records: string[];
  /** seq of the newest delivered message. */
  seq: number;
  /** `expected 5, got 7`: a gateway would have to heal this from history. */
  readonly breaks: string[];
  /** Messages that came again. */
  repeats: number;
}

/** A gateway as the broker sees it: feed, interest, and the position rule. */
export class RecordingGateway implements FeedHandler {
  readonly feed: GatewayFeed;
  readonly channels = new Map<ChannelKey, Delivered>();
  /** Records that arrived before the answer to `subscribe`. */
  readonly #early: [ChannelKey, string, number, string][] = [];
  readonly #waiting = new Set<() => void>();

  constructor(broker: Broker, gateway: string) {
    this.feed = broker.feed(gateway);
  }

  start(): Promise<void> {
    return this.feed.start(this);
  }

  async subscribe(channels: readonly ChannelKey[]): Promise<void> {
    const positions = await this.feed.subscribe(channels);
    for (const [i, channel] of channels.entries()) {
      const from = positions[i]!;
      this.channels.set(channel, { from, records: [], seq: from.seq, breaks: [], repeats: 0 });
    }
    for (const message of this.#early.splice(0)) this.onMessage(...message);
  }

  async unsubscribe(channels: readonly ChannelKey[]): Promise<void> {
    for (const channel of channels) this.channels.delete(channel);
    await this.feed.unsubscribe(channels);
  }

  of(channel: ChannelKey): Delivered {
    const delivered = this.channels.get(channel);
    if (delivered === undefined) throw new Error(`${channel} is not subscribed`);
    return delivered;
  }

  onMessage(channel: ChannelKey, epoch: string, seq: number, record: string): void {
    const delivered = this.channels.get(channel);
    if (delivered === undefined) {
      this.#early.push([channel, epoch, seq, record]);
      return;
    }
    // After a restart of the broker the channel goes on in another epoch.
    if (epoch !== delivered.from.epoch && seq === 1) {
      delivered.from = { epoch, seq: 0 };
      delivered.seq = 0;
    }
    if (epoch !== delivered.from.epoch || seq <= delivered.from.seq) return;
    if (seq <= delivered.seq) {
      delivered.repeats++;
      return;
    }
    if (seq !== delivered.seq + 1) delivered.breaks.push(`expected ${delivered.seq + 1}, got ${seq}`);
    delivered.seq = seq;
    delivered.records.push(record);
  }

  onStored(): void {
    // nobody asks for it here
  }

  onInterestLost(): void {
    // As after every new connection. Its messages are in no history, so all of them come through the feeds.
  }

  onDataLost(): void {
    // Looked at by the tests of losses.
  }

  onConnection(): void {
    // seen in the messages
  }

  onBatchEnd(): void {
    for (const check of this.#waiting) check();
  }

  /** Resolves when `channel` has been delivered up to `seq`. */
  until(channel: ChannelKey, seq: number): Promise<void> {
    return this.#until(() => this.of(channel).seq >= seq);
  }

  /** Resolves when so many messages of `channel` have been delivered, in whatever epochs. */
  untilCount(channel: ChannelKey, count: number): Promise<void> {
    return this.#until(() => this.of(channel).records.length >= count);
  }

  async #until(isDone: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = (): void => {
      if (isDone()) resolve();
    };
    this.#waiting.add(check);
    check();
    await promise;
    this.#waiting.delete(check);
  }
}
