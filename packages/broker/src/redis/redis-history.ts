import type { Redis } from 'ioredis';
import type { ChannelKey, HistoryEntry, HistoryPage, HotHistory, PartitionId } from '../ports.ts';
import { unavailable } from './connection.ts';
import type { Keys } from './keys.ts';
import type { StreamEntry } from './message-codec.ts';

/** A channel's stream of newest messages: the entry id is the seq, so a range of seq is a range of ids. */
export class RedisHistory implements HotHistory {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #partitionOf: (channel: ChannelKey) => PartitionId;

  constructor(redis: Redis, keys: Keys, partitionOf: (channel: ChannelKey) => PartitionId) {
    this.#redis = redis;
    this.#keys = keys;
    this.#partitionOf = partitionOf;
  }

  async range(
    channel: ChannelKey,
    { from, to, limit }: { readonly from: number; readonly to: number; readonly limit: number },
  ): Promise<HistoryPage> {
    if (to < from) return { top: await this.#top(channel), entries: [] };
    return await this.#read(channel, (pipeline, key) =>
      pipeline.xrange(key, String(from), String(to), 'COUNT', limit),
    );
  }

  async latest(
    channel: ChannelKey,
    { before, limit }: { readonly before?: number; readonly limit: number },
  ): Promise<HistoryPage> {
    if (before !== undefined && before <= 1) return { top: await this.#top(channel), entries: [] };
    return await this.#read(channel, (pipeline, key) =>
      pipeline.xrevrange(key, before === undefined ? '+' : String(before - 1), '-', 'COUNT', limit),
    );
  }

  async ended(
    channel: ChannelKey,
    { epoch, from, limit }: { readonly epoch: string; readonly from: number; readonly limit: number },
  ): Promise<readonly HistoryEntry[]> {
    const key = this.#keys.endedHistory(this.#partitionOf(channel), channel, epoch);
    const found = await this.#redis
      .xrange(key, String(from), '+', 'COUNT', limit)
      .catch((error: unknown) => Promise.reject(unavailable(error)));
    return found.map((entry) => entryOf(entry, epoch));
  }

  async #top(channel: ChannelKey): Promise<HistoryPage['top']> {
    return (await this.#read(channel, (pipeline, key) => pipeline.xrange(key, '0', '0', 'COUNT', 1))).top;
  }

  /** Position and entries in one transaction: entries of another epoch than the position's would be misread. */
  async #read(
    channel: ChannelKey,
    query: (pipeline: ReturnType<Redis['multi']>, key: string) => unknown,
  ): Promise<HistoryPage> {
    const partition = this.#partitionOf(channel);
    const transaction = this.#redis.multi().hmget(this.#keys.channel(partition, channel), 'e', 's');
    query(transaction, this.#keys.history(partition, channel));
    const replies = await transaction.exec().catch((error: unknown) => Promise.reject(unavailable(error)));
    const [[, state], [, found]] = (replies ?? [
      [null, [null, null]],
      [null, []],
    ]) as [[unknown, (string | null)[]], [unknown, StreamEntry[]]];
    const [epoch, seq] = state;
    if (epoch == null) return { top: undefined, entries: [] };
    return { top: { epoch, seq: Number(seq) }, entries: found.map((entry) => entryOf(entry, epoch)) };
  }
}

function entryOf([id, fields]: StreamEntry, epoch: string): HistoryEntry {
  return { epoch, seq: Number(id.slice(0, -2)), record: fields?.[1] ?? '' };
}
