import type { ChannelKey, GatewayFeed, Lineage } from '@carillon/broker';

interface Waiting<Answer> {
  readonly key: ChannelKey;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** One call for what is asked in one event-loop turn: after a restart of the broker all channels ask at once. */
class OneCallPerTurn<Answer> {
  readonly #call: (keys: readonly ChannelKey[]) => Promise<readonly Answer[]>;
  /** Bounded by the readers, who wait for one answer each. */
  #waiting: Waiting<Answer>[] = [];

  constructor(call: (keys: readonly ChannelKey[]) => Promise<readonly Answer[]>) {
    this.#call = call;
  }

  ask(key: ChannelKey): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    if (this.#waiting.length === 0) setImmediate(() => void this.#flush());
    this.#waiting.push({ key, resolve, reject });
    return promise;
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const answers = await this.#call(waiting.map(({ key }) => key));
      for (const [i, { resolve }] of waiting.entries()) resolve(answers[i]!);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}

/** Asks the broker where channels are, and says that somebody goes on after their ended epochs. */
export class LineageReader {
  readonly #positions: OneCallPerTurn<Lineage | undefined>;
  readonly #seals: OneCallPerTurn<void>;

  constructor(feed: Pick<GatewayFeed, 'positions' | 'seal'>) {
    this.#positions = new OneCallPerTurn((keys) => feed.positions(keys));
    this.#seals = new OneCallPerTurn<void>(async (keys) => {
      await feed.seal(keys);
      return keys.map(() => undefined);
    });
  }

  /** `undefined` for a channel without a state. @throws CarillonError UNAVAILABLE */
  read(key: ChannelKey): Promise<Lineage | undefined> {
    return this.#positions.ask(key);
  }

  /** Makes the ends of its earlier epochs final. @throws CarillonError UNAVAILABLE */
  seal(key: ChannelKey): Promise<void> {
    return this.#seals.ask(key);
  }
}
