import type { ChannelKey, GatewayFeed, Lineage } from '@carillon/broker';
import { backoffMs, pause } from '@carillon/service';
import type { RepeatedLog } from '@carillon/telemetry';
import type { Channel } from './channel.ts';

/** Channels asked for in one call. */
const BATCH = 200;
/** Bound of the wait for these channels' recovery before the next ones are renewed. */
const CATCH_UP_TURN_MS = 2000;

/** A channel, and where the broker says that it is. */
export interface CatchUpTarget {
  readonly channel: Channel;
  readonly lineage: Lineage;
}

export interface InterestRenewalDependencies {
  readonly feed: Pick<GatewayFeed, 'subscribe'>;
  readonly find: (key: ChannelKey) => Channel | undefined;
  readonly log: RepeatedLog;
  readonly signal: AbortSignal;
}

/** Says again what this gateway wants, when the broker has forgotten it. */
export class InterestRenewal {
  readonly #deps: InterestRenewalDependencies;

  constructor(deps: InterestRenewalDependencies) {
    this.#deps = deps;
  }

  /** First the interest in all of them, so that no message is published beside it; then what was missed meanwhile is read. Never rejects. */
  async renew(keys: readonly ChannelKey[]): Promise<void> {
    const batches: (readonly CatchUpTarget[])[] = [];
    for (let at = 0; at < keys.length; at += BATCH)
      batches.push(await this.#subscribe(keys.slice(at, at + BATCH)));
    for (const batch of batches) await catchUpAll(batch);
  }

  async #subscribe(keys: readonly ChannelKey[]): Promise<readonly CatchUpTarget[]> {
    const { feed, find, log, signal } = this.#deps;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const wanted = keys.filter((key) => find(key) !== undefined);
      if (wanted.length === 0) return [];
      try {
        const lineages = await feed.subscribe(wanted);
        return wanted.flatMap((key, i) => {
          const channel = find(key);
          return channel === undefined ? [] : [{ channel, lineage: lineages[i]! }];
        });
      } catch (error) {
        log.warn(
          { err: error, channels: wanted.length },
          'could not renew the interest in channels, trying again',
        );
        await pause(backoffMs(attempt), signal);
      }
    }
    return [];
  }
}

/**
 * Brings channels to where the broker is. Those whose history is away, or whose earlier epochs the database has not been compared with, come later: they
 * go on by themselves, and no other channel waits for them.
 */
export async function catchUpAll(targets: readonly CatchUpTarget[]): Promise<void> {
  const done = new AbortController();
  const all = Promise.all(targets.map(({ channel, lineage }) => channel.catchUpTo(lineage)));
  await Promise.race([all, pause(CATCH_UP_TURN_MS, done.signal)]);
  done.abort();
}
