import type { Redis } from 'ioredis';
import { makeEpoch } from '../epoch.ts';
import type { ChannelKey, HistoryEntry, HistoryPage, HotHistory, PartitionId } from '../ports.ts';
import type { ChannelCallsDependencies } from './channel-calls.ts';
import { unavailable } from './connection.ts';
import type { Keys } from './keys.ts';
import type { StreamEntry } from './packed-message.ts';
import { readLineage, readSettlement } from './read-lineage.ts';
import { runScript } from './scripts.ts';

type EndedQuery = Parameters<HotHistory['ended']>[1];

/** A channel's stream of newest messages: the entry id is the seq, so a range of seq is a range of ids. */
export class RedisHistory implements HotHistory {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #partitionOf: (channel: ChannelKey) => PartitionId;
  readonly #idleTtlMs: number;

  constructor({ redis, keys, partitionOf, limits }: ChannelCallsDependencies) {
    this.#redis = redis;
    this.#keys = keys;
    this.#partitionOf = partitionOf;
    this.#idleTtlMs = limits.channelIdleTtlMs;
  }

  async range(
    channel: ChannelKey,
    { from, to, limit }: { readonly from: number; readonly to: number; readonly limit: number },
  ): Promise<HistoryPage> {
    if (to < from) return { top: await this.#top(channel), entries: [] };
    return await this.#read(channel, ['XRANGE', from, to, limit]);
  }

  async latest(
    channel: ChannelKey,
    { before, limit }: { readonly before?: number; readonly limit: number },
  ): Promise<HistoryPage> {
    if (before !== undefined && before <= 1) return { top: await this.#top(channel), entries: [] };
    return await this.#read(channel, ['XREVRANGE', before === undefined ? '+' : before - 1, '-', limit]);
  }

  async ended(
    channel: ChannelKey,
    { epoch, from, to, limit, descending = false }: EndedQuery,
  ): Promise<readonly HistoryEntry[]> {
    if (to < from) return [];
    const key = this.#keys.endedHistory(this.#partitionOf(channel), channel, epoch);
    const found = await (descending
      ? this.#redis.xrevrange(key, to, from, 'COUNT', limit)
      : this.#redis.xrange(key, from, to, 'COUNT', limit)
    ).catch((error: unknown) => Promise.reject(unavailable(error)));
    return found.map((entry) => entryOf(entry, epoch));
  }

  async #top(channel: ChannelKey): Promise<HistoryPage['top']> {
    return (await this.#read(channel, ['XRANGE', 0, 0, 1])).top;
  }

  /** Position and entries at one moment: entries of another epoch than the position's would be misread. */
  async #read(channel: ChannelKey, query: readonly (string | number)[]): Promise<HistoryPage> {
    const base = this.#keys.base(this.#partitionOf(channel));
    const reply = (await runScript(this.#redis, 'history', base, [makeEpoch(), channel, ...query]).catch(
      (error: unknown) => Promise.reject(unavailable(error)),
    )) as readonly unknown[];
    const top = readLineage(readSettlement(reply, this.#idleTtlMs), reply);
    if (top === undefined) return { top, entries: [] };
    const found = reply.at(-1) as readonly StreamEntry[];
    return { top, entries: found.map((entry) => entryOf(entry, top.epoch)) };
  }
}

function entryOf([id, fields]: StreamEntry, epoch: string): HistoryEntry {
  return { epoch, seq: Number(id.slice(0, -2)), record: fields?.[1] ?? '' };
}
