import type { ChannelKey } from '@carillon/broker';

/** Most channels of one partition whose gateways are remembered; the ones looked up longest ago go first. */
const MAX_CHANNELS = 10_000;
/** Asked again after this long, in case a change was among entries that a full route stream has dropped. */
const MAX_AGE_MS = 30_000;

interface Known {
  readonly gateways: readonly string[];
  readonly sinceMs: number;
}

/**
 * Gateways interested in a wide channel. Never older than the messages it is used for: each change of a channel's
 * interest stands in the stream of the messages, and drops the cached entry when it is read there.
 */
export class InterestCache {
  readonly #known = new Map<ChannelKey, Known>();
  readonly #maxChannels: number;

  constructor(maxChannels: number = MAX_CHANNELS) {
    this.#maxChannels = maxChannels;
  }

  get size(): number {
    return this.#known.size;
  }

  get(channel: ChannelKey, nowMs: number): readonly string[] | undefined {
    const known = this.#known.get(channel);
    return known !== undefined && nowMs - known.sinceMs < MAX_AGE_MS ? known.gateways : undefined;
  }

  set(channel: ChannelKey, gateways: readonly string[], nowMs: number): void {
    this.#known.delete(channel);
    const [oldest] = this.#known.size >= this.#maxChannels ? this.#known.keys() : [];
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(channel, { gateways, sinceMs: nowMs });
  }

  forget(channel: ChannelKey): void {
    this.#known.delete(channel);
  }
}
