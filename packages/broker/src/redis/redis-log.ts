import type { Position } from '@carillon/protocol';
import { type Logger, RepeatedLog } from '@carillon/telemetry';
import { type Redis, ReplyError } from 'ioredis';
import type { BrokerLimits, LogEntry, PartitionId, PersistenceLog } from '../ports.ts';
import { unavailable, untilReady } from './connection.ts';
import { type Keys, PERSISTENCE_GROUP } from './keys.ts';
import {
  fieldsOf,
  packMessage,
  type StreamEntry,
  type StreamsReply,
  unpackCursor,
  unpackMessage,
} from './packed-message.ts';
import { runScript } from './scripts.ts';

/** Entry ids in one commit script; unpack() in Lua is bounded. */
const IDS_PER_COMMIT = 1000;
/** After that the scripts stop telling what nobody takes note of any longer. */
const OCCUPANCY_TOLD_FOR_MS = 86_400_000;

export interface RedisLogDependencies {
  readonly redis: Redis;
  /** A connection of the reader's own: it blocks. */
  readonly openReader: () => Redis;
  readonly keys: Keys;
  readonly partitions: number;
  readonly limits: Pick<BrokerLimits, 'logMaxEntries'>;
  readonly logger: Logger;
  /** The groups were there and are gone: so are the data. */
  readonly onDataGone: () => void;
}

/** The logs of all partitions, read through one consumer group. */
export class RedisLog implements PersistenceLog {
  readonly #deps: RedisLogDependencies;
  readonly #partitionByKey = new Map<string, PartitionId>();
  readonly #keys: readonly string[];
  readonly #log: RepeatedLog;
  #reader: Redis | undefined;
  /** This process has made the groups, or seen them: from then on they may not be missing. */
  #hasGroups = false;

  constructor(deps: RedisLogDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.logger);
    this.#keys = Array.from({ length: deps.partitions }, (_, partition) => deps.keys.log(partition));
    for (const [partition, key] of this.#keys.entries()) this.#partitionByKey.set(key, partition);
  }

  async read(
    consumer: string,
    { count, blockMs }: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly LogEntry[]> {
    const reader = await this.#openReader();
    const call = async (): Promise<StreamsReply> =>
      (await reader.xreadgroup(
        'GROUP',
        PERSISTENCE_GROUP,
        consumer,
        'COUNT',
        count,
        'BLOCK',
        Math.max(1, blockMs),
        'STREAMS',
        ...this.#keys,
        ...this.#keys.map(() => '>'),
      )) as StreamsReply;
    const reply = await call().catch((error: unknown) => this.#afterGroupsWereMade(error, call));
    return (reply ?? []).flatMap(([key, entries]) => this.#entries(this.#partitionByKey.get(key)!, entries));
  }

  async claim(
    consumer: string,
    { minIdleMs, count }: { readonly minIdleMs: number; readonly count: number },
  ): Promise<readonly LogEntry[]> {
    const { redis } = this.#deps;
    const claimed: LogEntry[] = [];
    for (const [partition, key] of this.#keys.entries()) {
      if (claimed.length >= count) break;
      const call = (): Promise<unknown[]> =>
        redis.xautoclaim(key, PERSISTENCE_GROUP, consumer, minIdleMs, '0-0', 'COUNT', count - claimed.length);
      const [, entries] = (await call().catch((error: unknown) =>
        this.#afterGroupsWereMade(error, call),
      )) as [string, StreamEntry[]];
      claimed.push(...this.#entries(partition, entries));
    }
    return claimed;
  }

  async commit(entries: readonly LogEntry[]): Promise<void> {
    const calls: Promise<unknown>[] = [];
    for (const [partition, list] of Map.groupBy(entries, (entry) => entry.partition)) {
      for (let at = 0; at < list.length; at += IDS_PER_COMMIT)
        calls.push(this.#commitChunk(partition, list.slice(at, at + IDS_PER_COMMIT)));
    }
    await Promise.all(calls).catch((error: unknown) => Promise.reject(unavailable(error)));
  }

  async backlog(): Promise<readonly { partition: PartitionId; entries: number; pending: number }[]> {
    const pipeline = this.#deps.redis.pipeline();
    for (const key of this.#keys) pipeline.xlen(key).xpending(key, PERSISTENCE_GROUP);
    const replies = await pipeline.exec().catch((error: unknown) => Promise.reject(unavailable(error)));
    return this.#keys.map((_, partition) => {
      const [, entries] = replies?.[partition * 2] ?? [null, 0];
      const [, pending] = replies?.[partition * 2 + 1] ?? [null, [0]];
      return {
        partition,
        entries: Number(entries ?? 0),
        pending: Number((pending as unknown[] | undefined)?.[0] ?? 0),
      };
    });
  }

  async tellOccupancy(): Promise<void> {
    const { redis, keys, partitions, limits } = this.#deps;
    const pipeline = redis.pipeline();
    for (let partition = 0; partition < partitions; partition++)
      pipeline.set(keys.occupancy(partition), limits.logMaxEntries, 'PX', OCCUPANCY_TOLD_FOR_MS);
    const replies = await pipeline.exec().catch((error: unknown) => Promise.reject(unavailable(error)));
    for (const [error] of replies ?? []) if (error !== null) throw unavailable(error);
  }

  stop(): void {
    this.#reader?.disconnect();
    this.#reader = undefined;
  }

  #commitChunk(partition: PartitionId, chunk: readonly LogEntry[]): Promise<unknown> {
    const ids = chunk.map(({ entryId }) => entryId);
    const told = chunk.flatMap((entry) =>
      entry.storedTo === undefined ? [] : [entry.storedTo, packMessage({ ...entry, record: '' })],
    );
    return runScript(this.#deps.redis, 'log-commit', this.#deps.keys.base(partition), [
      PERSISTENCE_GROUP,
      ids.length,
      ...ids,
      ...told,
    ]);
  }

  #entries(partition: PartitionId, entries: readonly StreamEntry[]): readonly LogEntry[] {
    return entries.flatMap(([entryId, fields]): LogEntry[] => {
      if (fields === null) return []; // trimmed while pending
      const named = fieldsOf(fields);
      const consumer = named.get('c');
      const unpack = consumer === undefined ? unpackMessage : unpackCursor;
      const { channel, epoch, seq, record } = unpack(named.get('m') ?? '');
      return [
        {
          partition,
          entryId,
          channel,
          epoch,
          seq,
          record,
          // '' of what is published again, where nobody asked
          storedTo: named.get('o') || undefined,
          former: formerOf(named.get('v')),
          marker: named.get('k') === '1' && consumer === undefined,
          ...(consumer !== undefined && { consumer }),
        },
      ];
    });
  }

  async #openReader(): Promise<Redis> {
    if (this.#reader === undefined) {
      this.#reader = this.#deps.openReader();
      await untilReady(this.#reader);
      await this.#makeGroups();
    }
    return this.#reader;
  }

  /** Groups aren't there yet in a new Redis, and are gone when Redis came back without its data. */
  async #afterGroupsWereMade<T>(error: unknown, again: () => Promise<T>): Promise<T> {
    if (!(error instanceof ReplyError) || !(error as Error).message.startsWith('NOGROUP'))
      throw unavailable(error);
    if (this.#hasGroups) {
      this.#deps.onDataGone();
      this.#log.warn(
        {},
        'the consumer group of the log is gone: Redis came back without its data; making it again',
      );
    }
    await this.#makeGroups();
    return await again();
  }

  async #makeGroups(): Promise<void> {
    await Promise.all(
      this.#keys.map((key) =>
        this.#deps.redis.xgroup('CREATE', key, PERSISTENCE_GROUP, '0', 'MKSTREAM').catch((error: unknown) => {
          if (!(error instanceof ReplyError) || !(error as Error).message.startsWith('BUSYGROUP'))
            throw unavailable(error);
        }),
      ),
    );
    this.#hasGroups = true;
  }
}

/** `<epoch>:<seq>` */
function formerOf(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const colon = text.lastIndexOf(':');
  return { epoch: text.slice(0, colon), seq: Number(text.slice(colon + 1)) };
}
