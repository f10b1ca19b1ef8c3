import type { GatewayFeed } from '@carillon/broker';
import type { Channel } from './channel.ts';
import type { Channels } from './channels.ts';
import { catchUpAll } from './interest-renewal.ts';

/** Silent for this long: the last message may have been lost on its way. */
const SILENT_MS = 2000;
/** Channels compared in one round; with more, the rounds take turns. */
const CHANNELS_PER_ROUND = 2000;

/**
 * The position heartbeat: compares silent channels with the broker. A gap in the middle shows at the next message; only the loss of
 * the last one needs this.
 */
export class PositionWatch {
  readonly #channels: Channels;
  readonly #feed: GatewayFeed;
  #round: Iterator<Channel> | undefined;

  constructor(channels: Channels, feed: GatewayFeed) {
    this.#channels = channels;
    this.#feed = feed;
  }

  async compareOnce(): Promise<void> {
    const silent = this.#nextSilent();
    if (silent.length === 0) return;
    const lineages = await this.#feed.positions(silent.map(({ key }) => key));
    const vanished = silent.filter((_, i) => lineages[i] === undefined);
    if (vanished.length > 0) await this.#renew(vanished);
    await catchUpAll(
      silent.flatMap((channel, i) => {
        const lineage = lineages[i];
        return lineage === undefined ? [] : [{ channel, lineage }];
      }),
    );
  }

  /** The broker has no state of a channel that somebody here wants: it lost its data. Subscribing makes a new epoch, and clients are told. */
  async #renew(vanished: readonly Channel[]): Promise<void> {
    const lineages = await this.#feed.subscribe(vanished.map(({ key }) => key));
    await catchUpAll(vanished.map((channel, i) => ({ channel, lineage: lineages[i]! })));
  }

  #nextSilent(): readonly Channel[] {
    const before = performance.now() - SILENT_MS;
    this.#round ??= this.#channels.all()[Symbol.iterator]();
    const silent: Channel[] = [];
    for (let looked = 0; looked < CHANNELS_PER_ROUND; looked++) {
      const { value, done } = this.#round.next();
      if (done === true) {
        this.#round = undefined;
        break;
      }
      const isSilent =
        value.position !== undefined && value.subscribers.size > 0 && value.lastActiveMs < before;
      // A channel that can't be checked now is checked later.
      if (isSilent && this.#channels.isServed(value.key)) silent.push(value);
    }
    return silent;
  }
}
