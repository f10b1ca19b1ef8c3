import type { Logger } from '@carillon/telemetry';
import type { ChannelKey, Lease, PartitionId, RoutedMessage, RouteEntry, RouterPort } from '../../ports.ts';
import type { Parts } from './parts.ts';
import { PendingReads } from './pending-reads.ts';

/** Parts count their one partition as 0. */
const LOCAL = 0;

function local(lease: Lease): Lease {
  return { ...lease, partition: LOCAL };
}

function nameOf({ partition, fence }: Lease): string {
  return `${partition}:${fence}`;
}

/** The routers' place in all parts. A partition that is away counts as one that nobody holds: the others are routed meanwhile. */
export class ClusterRouterPort implements RouterPort {
  readonly #parts: Parts;
  readonly #partitionOf: (channel: ChannelKey) => PartitionId;
  readonly #reads: PendingReads<string, RouteEntry>;
  #live: readonly string[] | undefined;

  constructor(parts: Parts, partitionOf: (channel: ChannelKey) => PartitionId, logger: Logger) {
    this.#parts = parts;
    this.#partitionOf = partitionOf;
    this.#reads = new PendingReads(logger);
  }

  async acquire(partition: PartitionId, owner: string, ttlMs: number): Promise<Lease | undefined> {
    const acquiring = this.#parts.of(partition).router.acquire(LOCAL, owner, ttlMs);
    const lease = await this.#parts.orUndefined(partition, 'taking a partition', acquiring);
    return lease === undefined ? undefined : { ...lease, partition };
  }

  async renew(leases: readonly Lease[], ttlMs: number): Promise<readonly Lease[]> {
    const renewed = await Promise.all(
      leases.map((lease) => {
        const renewing = this.#parts.of(lease.partition).router.renew([local(lease)], ttlMs);
        return this.#parts.orUndefined(lease.partition, 'renewing a hold', renewing);
      }),
    );
    return leases.filter((_, i) => renewed[i]?.length === 1);
  }

  /** One that can't be given back runs out. */
  async release(leases: readonly Lease[]): Promise<void> {
    await Promise.all(
      leases.map((lease) => {
        const releasing = this.#parts.of(lease.partition).router.release([local(lease)]);
        return this.#parts.orUndefined(lease.partition, 'giving a partition back', releasing);
      }),
    );
  }

  async owners(): Promise<readonly (string | undefined)[]> {
    return await this.#parts.each(async ({ router }, partition) => {
      const owners = await this.#parts.orUndefined(partition, 'asking for the owner', router.owners());
      return owners?.[LOCAL];
    });
  }

  /** While partition 0 is away the routers that were live before count. */
  async announce(owner: string, ttlMs: number): Promise<readonly string[]> {
    const announcing = this.#parts.of(0).router.announce(owner, ttlMs);
    if (this.#live === undefined) this.#live = await announcing;
    else this.#live = (await this.#parts.orUndefined(0, 'announcing this router', announcing)) ?? this.#live;
    return this.#live;
  }

  async read(
    leases: readonly Lease[],
    options: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly RouteEntry[]> {
    if (leases.length === 0) return [];
    const sources = leases.map((lease) => {
      const { partition } = lease;
      const { router } = this.#parts.of(partition);
      const read = async (): Promise<readonly RouteEntry[]> =>
        (await router.read([local(lease)], options)).map((entry) => ({ ...entry, partition }));
      return [nameOf(lease), { partition, read }] as const;
    });
    return await this.#reads.take(new Map(sources), options.blockMs);
  }

  async backlog(): Promise<readonly (number | undefined)[]> {
    const all = await this.#parts.each(({ router }, partition) =>
      this.#parts.orUndefined(partition, 'asking for the backlog of routers', router.backlog()),
    );
    return all.map((counts) => counts?.[LOCAL]);
  }

  interested(channel: ChannelKey): Promise<readonly string[]> {
    return this.#parts.of(this.#partitionOf(channel)).router.interested(channel);
  }

  forward(partition: PartitionId, byGateway: ReadonlyMap<string, readonly RoutedMessage[]>): Promise<void> {
    return this.#parts.of(partition).router.forward(LOCAL, byGateway);
  }

  commit(lease: Lease, entryId: string): Promise<boolean> {
    return this.#parts.of(lease.partition).router.commit(local(lease), entryId);
  }

  narrow(
    lease: Lease,
    maxGateways: number,
    channels?: readonly ChannelKey[],
  ): Promise<readonly ChannelKey[]> {
    return this.#parts.of(lease.partition).router.narrow(local(lease), maxGateways, channels);
  }

  reap(lease: Lease, timeoutMs: number): Promise<readonly string[]> {
    return this.#parts.of(lease.partition).router.reap(local(lease), timeoutMs);
  }
}
