import type { ChannelKey } from '@carillon/broker';

/** Most channels of one partition whose gateways are remembered; the ones looked up longest ago go first. */
const MAX_CHANNELS = 10_000;

/**
 * Which gateways want a wide channel. Never older than the messages it is used for: each change of a channel's interest stands
 * in the stream of the messages, and whoever reads it there forgets what was known.
 */
export class InterestCache {
  readonly #gateways = new Map<ChannelKey, readonly string[]>();
  readonly #maxChannels: number;

  constructor(maxChannels: number = MAX_CHANNELS) {
    this.#maxChannels = maxChannels;
  }

  get size(): number {
    return this.#gateways.size;
  }

  get(channel: ChannelKey): readonly string[] | undefined {
    return this.#gateways.get(channel);
  }

  set(channel: ChannelKey, gateways: readonly string[]): void {
    this.#gateways.delete(channel);
    const [oldest] = this.#gateways.size >= this.#maxChannels ? this.#gateways.keys() : [];
    if (oldest !== undefined) this.#gateways.delete(oldest);
    this.#gateways.set(channel, gateways);
  }

  forget(channel: ChannelKey): void {
    this.#gateways.delete(channel);
  }
}
