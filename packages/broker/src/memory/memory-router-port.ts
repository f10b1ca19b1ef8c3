import { setImmediate } from 'node:timers/promises';
import type { ChannelKey, Lease, PartitionId, RoutedMessage, RouteEntry, RouterPort } from '../ports.ts';
import type { MemoryState } from './memory-state.ts';
import type { RouteStream } from './route-stream.ts';

/** Leases, route streams and upkeep, with the semantics of the scripts in Redis. */
export class MemoryRouterPort implements RouterPort {
  readonly #state: MemoryState;
  readonly #alive = new Map<string, number>();
  /** Last entry given out per partition, under which lease: a new one starts at the cursor. */
  readonly #readUpTo = new Map<PartitionId, { readonly fence: number; readonly id: number }>();

  constructor(state: MemoryState) {
    this.#state = state;
  }

  async acquire(partition: PartitionId, owner: string, ttlMs: number): Promise<Lease | undefined> {
    const route = this.#route(partition);
    const nowMs = Date.now();
    if (route.lease !== undefined && route.lease.expiresAtMs > nowMs && route.lease.owner !== owner)
      return undefined;
    route.fence++;
    route.lease = { owner, fence: route.fence, expiresAtMs: nowMs + ttlMs };
    return { partition, owner, fence: route.fence };
  }

  async renew(leases: readonly Lease[], ttlMs: number): Promise<readonly Lease[]> {
    const held = leases.filter((lease) => this.#holds(lease));
    for (const { partition } of held) this.#route(partition).lease!.expiresAtMs = Date.now() + ttlMs;
    return held;
  }

  async release(leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) if (this.#holds(lease)) this.#route(lease.partition).lease = undefined;
  }

  async owners(): Promise<readonly (string | undefined)[]> {
    const nowMs = Date.now();
    return this.#state.routes.map(({ lease }) =>
      lease !== undefined && lease.expiresAtMs > nowMs ? lease.owner : undefined,
    );
  }

  async announce(owner: string, ttlMs: number): Promise<readonly string[]> {
    const nowMs = Date.now();
    if (ttlMs > 0) this.#alive.set(owner, nowMs + ttlMs);
    else this.#alive.delete(owner);
    for (const [name, until] of this.#alive) if (until <= nowMs) this.#alive.delete(name);
    return [...this.#alive.keys()].sort();
  }

  async read(
    leases: readonly Lease[],
    { count, blockMs }: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly RouteEntry[]> {
    // Lets the event loop turn once: with much to do, the router would keep everything else in this process from being done.
    await setImmediate();
    const found = this.#readNow(leases, count);
    if (found.length > 0 || leases.length === 0) return found;
    await this.#state.routed.wait(blockMs);
    return this.#readNow(leases, count);
  }

  async backlog(): Promise<readonly number[]> {
    return this.#state.routes.map(({ length }) => length);
  }

  async interested(channel: ChannelKey): Promise<readonly string[]> {
    return [...(this.#state.find(channel)?.interest ?? [])];
  }

  async forward(
    _partition: PartitionId,
    byGateway: ReadonlyMap<string, readonly RoutedMessage[]>,
  ): Promise<void> {
    for (const [gateway, messages] of byGateway)
      for (const message of messages) this.#state.tell(gateway, { kind: 'message', ...message });
  }

  async commit(lease: Lease, entryId: string): Promise<boolean> {
    if (!this.#holds(lease)) return false;
    this.#route(lease.partition).moveCursor(Number(entryId));
    return true;
  }

  async narrow(
    lease: Lease,
    maxGateways: number,
    channels?: readonly ChannelKey[],
  ): Promise<readonly ChannelKey[]> {
    if (!this.#holds(lease)) return [];
    const route = this.#route(lease.partition);
    const narrowed = (channels ?? [...route.wide]).filter((key) => {
      const { interest, lastRouted } = this.#state.find(key) ?? {};
      return (
        interest !== undefined &&
        interest.size <= maxGateways &&
        lastRouted !== undefined &&
        lastRouted <= route.cursor
      );
    });
    for (const key of narrowed) {
      route.wide.delete(key);
      const channel = this.#state.find(key)!;
      channel.lastRouted = undefined;
      this.#state.forgetIfEmpty(channel);
    }
    return narrowed;
  }

  /** Gateways of this broker live and end with the process, so none is ever silent. */
  async reap(): Promise<readonly string[]> {
    return [];
  }

  #route(partition: PartitionId): RouteStream {
    return this.#state.routes[partition]!;
  }

  /** Until somebody else takes it: a lease that has only expired can still be renewed. */
  #holds({ partition, owner, fence }: Lease): boolean {
    const { lease } = this.#route(partition);
    return lease?.owner === owner && lease.fence === fence;
  }

  #readNow(leases: readonly Lease[], count: number): readonly RouteEntry[] {
    return leases.flatMap((lease) => {
      const route = this.#route(lease.partition);
      const readUpTo = this.#readUpTo.get(lease.partition);
      const items = route.after(readUpTo?.fence === lease.fence ? readUpTo.id : route.cursor, count);
      const last = items.at(-1);
      if (last !== undefined) this.#readUpTo.set(lease.partition, { fence: lease.fence, id: last.id });
      return items.map(
        ({ id, ...item }): RouteEntry => ({ ...item, partition: lease.partition, entryId: String(id) }),
      );
    });
  }
}
