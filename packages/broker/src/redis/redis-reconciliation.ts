import type { Redis } from 'ioredis';
import { makeEpoch } from '../epoch.ts';
import type { Lineage } from '../lineage.ts';
import type { BrokerLimits, ChannelKey, PartitionId, Publication, PublishOutcome } from '../ports.ts';
import type { LostMessage, Reconciliation, StoredTail, UnsettledPartition } from '../reconciliation.ts';
import { ChannelCalls } from './channel-calls.ts';
import { unavailable } from './connection.ts';
import type { Keys } from './keys.ts';
import { runScript } from './scripts.ts';

/** Ids that one call writes. */
const IDS_PER_CALL = 500;
/** Repeats of stored messages are recognised by id for a day, as long as an Idempotency-Key is valid. */
const ID_TTL_MS = 86_400_000;

export interface RedisReconciliationDependencies {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly partitions: number;
  readonly partitionOf: (channel: ChannelKey) => PartitionId;
  /** Resolves when a generation has changed, or after `timeoutMs`. */
  readonly news: (timeoutMs: number) => Promise<void>;
  readonly limits: Pick<BrokerLimits, 'channelIdleTtlMs'>;
  readonly append: (
    partition: PartitionId,
    publications: readonly Publication[],
  ) => Promise<readonly PublishOutcome[]>;
}

/** See {@link Reconciliation}; the steps are scripts on the partition's `meta` and on the epochs that channels name. */
export class RedisReconciliation implements Reconciliation {
  readonly #deps: RedisReconciliationDependencies;
  readonly #calls: ChannelCalls;

  constructor(deps: RedisReconciliationDependencies) {
    this.#deps = deps;
    this.#calls = new ChannelCalls(deps);
  }

  async unsettled(): Promise<readonly UnsettledPartition[]> {
    const all = await this.#read();
    return all.filter(({ isSettled }) => !isSettled).map(({ isSettled: _, ...partition }) => partition);
  }

  async generations(): Promise<readonly UnsettledPartition[]> {
    return (await this.#read()).map(({ isSettled: _, ...partition }) => partition);
  }

  async states(
    _partition: PartitionId,
    channels: readonly ChannelKey[],
  ): Promise<readonly (Lineage | undefined)[]> {
    return await this.#calls.positions(channels);
  }

  news(timeoutMs: number): Promise<void> {
    return this.#deps.news(timeoutMs);
  }

  async extend(
    { partition, generation }: UnsettledPartition,
    { channel, epoch, messages }: StoredTail,
  ): Promise<number | undefined> {
    let last: number | undefined;
    for (let at = 0; at < messages.length; at += IDS_PER_CALL) {
      const some = messages.slice(at, at + IDS_PER_CALL);
      const reply = Number(
        await this.#run('extend', partition, [
          generation,
          ID_TTL_MS,
          makeEpoch(),
          this.#deps.limits.channelIdleTtlMs,
          channel,
          epoch,
          some.at(-1)!.seq,
          ...some.flatMap(({ id, seq }) => [id, seq]),
        ]),
      );
      if (reply < 0) return undefined;
      last = reply;
      if (reply < some.at(-1)!.seq) break; // its end is final
    }
    return last;
  }

  async settle({ partition, generation }: UnsettledPartition, hasLoss: boolean): Promise<boolean> {
    return (await this.#run('settle', partition, [generation, hasLoss ? 1 : 0])) === 1;
  }

  async republish(messages: readonly LostMessage[]): Promise<number> {
    const { partitionOf, append } = this.#deps;
    let refused = 0;
    for (const [partition, some] of Map.groupBy(messages, ({ channel }) => partitionOf(channel))) {
      const outcomes = await append(partition, some);
      refused += outcomes.filter(({ status }) => status === 'refused').length;
    }
    return refused;
  }

  async #read(): Promise<readonly (UnsettledPartition & { readonly isSettled: boolean })[]> {
    const { redis, keys, partitions } = this.#deps;
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const found = await Promise.all(
      all.map((partition) => redis.hmget(`${keys.base(partition)}meta`, 'g', 'q', 'ft', 'rt')),
    ).catch((error: unknown) => Promise.reject(unavailable(error)));
    return found.flatMap(([generation, settled, keptUpToMs, raisedAtMs], partition) =>
      typeof generation === 'string'
        ? [
            {
              partition,
              generation,
              keptUpToMs: Number(keptUpToMs ?? 0),
              raisedAtMs: Number(raisedAtMs ?? 0),
              isSettled: settled === generation,
            },
          ]
        : [],
    );
  }

  #run(
    name: 'extend' | 'settle',
    partition: PartitionId,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const { redis, keys } = this.#deps;
    return runScript(redis, name, keys.base(partition), args).catch((error: unknown) =>
      Promise.reject(unavailable(error)),
    );
  }
}
