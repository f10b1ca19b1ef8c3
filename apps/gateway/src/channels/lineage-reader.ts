import type { ChannelKey, GatewayFeed, Lineage } from '@carillon/broker';

interface Waiting {
  readonly key: ChannelKey;
  readonly resolve: (lineage: Lineage | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Asks the broker where channels are. What is asked for in one event-loop turn is one call: after a restart of the broker all channels ask at once. */
export class LineageReader {
  readonly #feed: Pick<GatewayFeed, 'positions'>;
  #waiting: Waiting[] = [];

  constructor(feed: Pick<GatewayFeed, 'positions'>) {
    this.#feed = feed;
  }

  /** `undefined` for a channel without a state. @throws CarillonError UNAVAILABLE */
  read(key: ChannelKey): Promise<Lineage | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Lineage | undefined>();
    if (this.#waiting.length === 0) setImmediate(() => void this.#flush());
    this.#waiting.push({ key, resolve, reject });
    return promise;
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const lineages = await this.#feed.positions(waiting.map(({ key }) => key));
      for (const [i, { resolve }] of waiting.entries()) resolve(lineages[i]);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
