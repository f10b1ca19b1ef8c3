import type { Redis } from 'ioredis';
import { makeEpoch } from '../epoch.ts';
import type { Lineage } from '../lineage.ts';
import type { BrokerLimits, ChannelKey, PartitionId, StoredQuestion } from '../ports.ts';
import { unavailable } from './connection.ts';
import type { Keys } from './keys.ts';
import { packMessage } from './packed-message.ts';
import { readLineages } from './read-lineage.ts';
import { runScript } from './scripts.ts';

/** Channels in one script call, so that Redis is never held up long. */
export const CHANNELS_PER_CALL = 200;

export interface ChannelCallsDependencies {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly partitionOf: (channel: ChannelKey) => PartitionId;
  readonly limits: Pick<BrokerLimits, 'channelIdleTtlMs'>;
}

type Call<Reply> = (partition: PartitionId, chunk: readonly ChannelKey[]) => Promise<Reply>;

/** Script calls about many channels: by partition, some at a time. */
export class ChannelCalls {
  readonly #deps: ChannelCallsDependencies;

  constructor(deps: ChannelCallsDependencies) {
    this.#deps = deps;
  }

  /** Where channels are; `undefined` for one without a state. @throws CarillonError UNAVAILABLE */
  positions(channels: readonly ChannelKey[]): Promise<readonly (Lineage | undefined)[]> {
    return this.lineages(
      channels,
      async (partition, chunk) =>
        (await this.#run('positions', partition, [makeEpoch(), ...chunk])) as readonly unknown[],
    );
  }

  /** Makes the ends of their earlier epochs final. @throws CarillonError UNAVAILABLE */
  async seal(channels: readonly ChannelKey[]): Promise<void> {
    await this.each(channels, async (partition, chunk) => {
      await this.#run('seal', partition, chunk);
    });
  }

  /** Asks persistence whether messages are stored; `gateway` is told. @throws CarillonError UNAVAILABLE */
  async askStored(gateway: string, questions: readonly StoredQuestion[]): Promise<void> {
    const byPartition = Map.groupBy(questions, ({ channel }) => this.#deps.partitionOf(channel));
    for (const [partition, some] of byPartition)
      for (let at = 0; at < some.length; at += CHANNELS_PER_CALL) {
        const packed = some
          .slice(at, at + CHANNELS_PER_CALL)
          .map(({ channel, epoch, seq, id }) => packMessage({ channel, epoch, seq, record: id }));
        await this.#run('ask-stored', partition, [gateway, ...packed]);
      }
  }

  /** Lineages in the reply of a call that returns channel states, in the order of `channels`. */
  async lineages(
    channels: readonly ChannelKey[],
    call: Call<readonly unknown[]>,
  ): Promise<readonly (Lineage | undefined)[]> {
    const [first] = channels;
    if (first === undefined) return [];
    const { partitionOf, limits } = this.#deps;
    const partition = partitionOf(first);
    // The usual case, on the way of each connection: what many clients want at once is asked for by partition.
    if (
      channels.length <= CHANNELS_PER_CALL &&
      channels.every((channel) => partitionOf(channel) === partition)
    )
      return readLineages(await call(partition, channels), limits.channelIdleTtlMs);
    const lineages = new Map<ChannelKey, Lineage | undefined>();
    await this.each(channels, async (of, chunk) => {
      const found = readLineages(await call(of, chunk), limits.channelIdleTtlMs);
      for (const [i, channel] of chunk.entries()) lineages.set(channel, found[i]);
    });
    return channels.map((channel) => lineages.get(channel));
  }

  async each(channels: readonly ChannelKey[], call: Call<void>): Promise<void> {
    const byPartition = Map.groupBy(channels, (channel) => this.#deps.partitionOf(channel));
    const calls: Promise<void>[] = [];
    for (const [partition, list] of byPartition) {
      for (let at = 0; at < list.length; at += CHANNELS_PER_CALL)
        calls.push(call(partition, list.slice(at, at + CHANNELS_PER_CALL)));
    }
    await Promise.all(calls);
  }

  #run(
    name: 'positions' | 'seal' | 'ask-stored',
    partition: PartitionId,
    args: readonly string[],
  ): Promise<unknown> {
    const { redis, keys } = this.#deps;
    return runScript(redis, name, keys.base(partition), args).catch((error: unknown) =>
      Promise.reject(unavailable(error)),
    );
  }
}
