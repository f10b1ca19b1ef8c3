import type { Broker, ChannelKey, GatewayFeed, Lineage } from '@carillon/broker';

interface Waiting {
  readonly key: ChannelKey;
  readonly resolve: (position: Lineage) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls that may be under way. What is wanted meanwhile is collected: the more come at once, the more go into one call. */
const MAX_CALLS = 2;

/** Collects the channels that are wanted in one event-loop turn, or while others are being asked for, into one call of the feed. */
export class Interest {
  readonly #feed: GatewayFeed;
  readonly #broker: Pick<Broker, 'partitions' | 'partitionOf'>;
  #waiting: Waiting[] = [];
  #calls = 0;
  #isDue = false;
  /** Channels being given back: a new wish for one has to wait, or the late unsubscribe would undo it. */
  readonly #leaving = new Map<ChannelKey, Promise<void>>();

  constructor(feed: GatewayFeed, broker: Pick<Broker, 'partitions' | 'partitionOf'>) {
    this.#feed = feed;
    this.#broker = broker;
  }

  async want(key: ChannelKey): Promise<Lineage> {
    await this.#leaving.get(key);
    const { promise, resolve, reject } = Promise.withResolvers<Lineage>();
    this.#waiting.push({ key, resolve, reject });
    this.#flushSoon();
    return await promise;
  }

  /** Resolves also when it failed: interest that stays only costs messages that are dropped, and the router takes it away in the end. */
  async giveBack(keys: readonly ChannelKey[], onFailure: (error: unknown) => void): Promise<void> {
    const leaving = this.#feed.unsubscribe(keys).catch(onFailure);
    for (const key of keys) this.#leaving.set(key, leaving);
    await leaving;
    for (const key of keys) if (this.#leaving.get(key) === leaving) this.#leaving.delete(key);
  }

  #flushSoon(): void {
    if (this.#isDue || this.#waiting.length === 0 || this.#calls >= MAX_CALLS) return;
    this.#isDue = true;
    setImmediate(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#isDue = false;
    this.#calls++;
    await Promise.all(this.#byPartition(waiting).map((some) => this.#ask(some)));
    this.#calls--;
    this.#flushSoon();
  }

  /** On a cluster one partition may be away and the others there. */
  #byPartition(waiting: readonly Waiting[]): readonly (readonly Waiting[])[] {
    const { partitions } = this.#broker;
    if (partitions === 1) return [waiting];
    return [...Map.groupBy(waiting, ({ key }) => this.#broker.partitionOf(key)).values()];
  }

  async #ask(waiting: readonly Waiting[]): Promise<void> {
    try {
      const positions = await this.#feed.subscribe(waiting.map(({ key }) => key));
      for (const [i, { resolve }] of waiting.entries()) resolve(positions[i]!);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
