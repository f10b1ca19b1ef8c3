import type { Redis } from 'ioredis';
import type {
  BrokerLimits,
  ChannelKey,
  Lease,
  PartitionId,
  RoutedMessage,
  RouteEntry,
  RouterPort,
} from '../ports.ts';
import { unavailable, untilReady } from './connection.ts';
import type { Keys } from './keys.ts';
import { packMessage, type StreamsReply, unpackMessage } from './packed-message.ts';
import { runScript, type ScriptName } from './scripts.ts';

/** Messages in one entry of a feed. */
const MESSAGES_PER_ENTRY = 256;
/** Channels that one upkeep script looks at. */
const CHANNELS_PER_CALL = 200;

export interface RedisRouterPortDependencies {
  readonly redis: Redis;
  readonly openReader: () => Redis;
  readonly keys: Keys;
  readonly limits: BrokerLimits;
  readonly partitions: number;
  readonly partitionOf: (channel: ChannelKey) => PartitionId;
}

export class RedisRouterPort implements RouterPort {
  readonly #deps: RedisRouterPortDependencies;
  /** Last entry given out, by partition and fence: a new lease starts at the cursor. */
  readonly #readUpTo = new Map<string, string>();
  #reader: Redis | undefined;

  constructor(deps: RedisRouterPortDependencies) {
    this.#deps = deps;
  }

  async acquire(partition: PartitionId, owner: string, ttlMs: number): Promise<Lease | undefined> {
    const reply = await this.#run('lease-acquire', partition, [owner, ttlMs]);
    if (reply === 0) return undefined;
    const [fence, cursor] = reply as [number, string];
    const lease = { partition, owner, fence };
    this.#readUpTo.set(readKey(lease), cursor);
    return lease;
  }

  async renew(leases: readonly Lease[], ttlMs: number): Promise<readonly Lease[]> {
    const renewed = await Promise.all(
      leases.map(({ partition, owner, fence }) => this.#run('lease-renew', partition, [owner, fence, ttlMs])),
    );
    return leases.filter((_, i) => renewed[i] === 1);
  }

  async release(leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) this.#readUpTo.delete(readKey(lease));
    await Promise.all(
      leases.map(({ partition, owner, fence }) => this.#run('lease-release', partition, [owner, fence])),
    );
  }

  async owners(): Promise<readonly (string | undefined)[]> {
    const { redis, keys, partitions } = this.#deps;
    const pipeline = redis.pipeline().time();
    for (let partition = 0; partition < partitions; partition++)
      pipeline.hmget(keys.lease(partition), 'o', 't');
    const replies = await pipeline.exec().catch((error: unknown) => Promise.reject(unavailable(error)));
    const [time, ...leases] = (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw unavailable(error);
      return reply as (string | null)[];
    });
    const nowMs = Number(time?.[0]) * 1000 + Number(time?.[1]) / 1000;
    return leases.map(([owner, expiresAt]) =>
      owner != null && Number(expiresAt) > nowMs ? owner : undefined,
    );
  }

  async announce(owner: string, ttlMs: number): Promise<readonly string[]> {
    const { redis, keys } = this.#deps;
    return (
      (await runScript(redis, 'announce', keys.routers(), [owner, ttlMs]).catch((error: unknown) =>
        Promise.reject(unavailable(error)),
      )) as string[]
    ).toSorted();
  }

  async read(
    leases: readonly Lease[],
    { count, blockMs }: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly RouteEntry[]> {
    if (leases.length === 0) return [];
    this.#reader ??= this.#deps.openReader();
    await untilReady(this.#reader);
    const keys = leases.map(({ partition }) => this.#deps.keys.route(partition));
    const ids = leases.map((lease) => this.#readUpTo.get(readKey(lease)) ?? '0-0');
    const reply = (await this.#reader
      .xread('COUNT', count, 'BLOCK', Math.max(1, blockMs), 'STREAMS', ...keys, ...ids)
      .catch((error: unknown) => Promise.reject(unavailable(error)))) as StreamsReply;
    return (reply ?? []).flatMap(([key, entries]) => {
      const lease = leases[keys.indexOf(key)]!;
      const last = entries.at(-1);
      if (last !== undefined) this.#readUpTo.set(readKey(lease), last[0]);
      return entries.map(([entryId, fields]) => toRouteEntry(lease.partition, entryId, fields ?? []));
    });
  }

  async backlog(): Promise<readonly number[]> {
    const { redis, keys, partitions } = this.#deps;
    const pipeline = redis.pipeline();
    for (let partition = 0; partition < partitions; partition++)
      pipeline
        .xlen(keys.route(partition))
        .xrange(keys.route(partition), '-', '+', 'COUNT', 1)
        .get(`${keys.base(partition)}cursor`);
    const replies = await pipeline.exec().catch((error: unknown) => Promise.reject(unavailable(error)));
    const values = (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw unavailable(error);
      return reply;
    });
    return Array.from({ length: partitions }, (_, partition) => {
      const [length, first, cursor] = values.slice(partition * 3) as [
        number,
        [string, unknown][],
        string | null,
      ];
      // The entry at the cursor stays until the cursor moves on.
      return first[0]?.[0] === cursor ? length - 1 : length;
    });
  }

  async interested(channel: ChannelKey): Promise<readonly string[]> {
    const { redis, keys, partitionOf } = this.#deps;
    const partition = partitionOf(channel);
    // At one moment: in between, the channel might go from one lane to the other.
    const replies = await redis
      .multi()
      .smembers(keys.interest(partition, channel))
      .hget(keys.channel(partition, channel), 'i')
      .exec()
      .catch((error: unknown) => Promise.reject(unavailable(error)));
    const [wide, direct] = (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw unavailable(error);
      return reply;
    }) as [string[], string | null];
    return direct === null ? wide : direct.split(',');
  }

  async forward(
    partition: PartitionId,
    byGateway: ReadonlyMap<string, readonly RoutedMessage[]>,
  ): Promise<void> {
    const { redis, keys, limits } = this.#deps;
    const pipeline = redis.pipeline();
    for (const [gateway, messages] of byGateway) {
      for (let at = 0; at < messages.length; at += MESSAGES_PER_ENTRY) {
        const fields = messages
          .slice(at, at + MESSAGES_PER_ENTRY)
          .flatMap((message) => ['m', packMessage(message)]);
        // NOMKSTREAM: the feed of a removed gateway must not come back.
        pipeline.xadd(
          keys.feed(partition, gateway),
          'NOMKSTREAM',
          'MAXLEN',
          '~',
          limits.feedMaxEntries,
          '*',
          ...fields,
        );
      }
    }
    const replies = await pipeline.exec().catch((error: unknown) => Promise.reject(unavailable(error)));
    for (const [error] of replies ?? []) if (error !== null) throw unavailable(error);
  }

  async commit({ partition, owner, fence }: Lease, entryId: string): Promise<boolean> {
    return (await this.#run('route-commit', partition, [owner, fence, entryId])) === 1;
  }

  async narrow(
    { partition, owner, fence }: Lease,
    maxGateways: number,
    channels: readonly ChannelKey[] = [],
  ): Promise<readonly ChannelKey[]> {
    const args = [owner, fence, maxGateways, CHANNELS_PER_CALL, ...channels.slice(0, CHANNELS_PER_CALL)];
    const reply = await this.#run('narrow', partition, args);
    return reply === 0 ? [] : (reply as ChannelKey[]);
  }

  async reap({ partition, owner, fence }: Lease, timeoutMs: number): Promise<readonly string[]> {
    const reply = await this.#run('reap', partition, [
      owner,
      fence,
      timeoutMs,
      CHANNELS_PER_CALL,
      this.#deps.limits.channelIdleTtlMs,
    ]);
    return reply === 0 ? [] : (reply as string[]);
  }

  stop(): void {
    this.#reader?.disconnect();
    this.#reader = undefined;
  }

  #run(name: ScriptName, partition: PartitionId, args: readonly (string | number)[]): Promise<unknown> {
    return runScript(this.#deps.redis, name, this.#deps.keys.base(partition), args).catch((error: unknown) =>
      Promise.reject(unavailable(error)),
    );
  }
}

function readKey({ partition, fence }: Lease): string {
  return `${partition}:${fence}`;
}

function toRouteEntry(partition: PartitionId, entryId: string, fields: readonly string[]): RouteEntry {
  const [name, value = ''] = fields;
  if (name === 'i') return { kind: 'interest', partition, entryId, channel: value as ChannelKey };
  return { kind: 'message', partition, entryId, ...unpackMessage(value) };
}
