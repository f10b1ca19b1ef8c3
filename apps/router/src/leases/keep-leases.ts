import type { Lease, RouterPort } from '@carillon/broker';
import { pause } from '@carillon/service';
import type { Logger } from '@carillon/telemetry';
import type { HeldLeases } from './held-leases.ts';
import type { OwnerlessPartitions } from './ownerless-partitions.ts';
import { sharePartitions } from './share-partitions.ts';

/** Renewals within one lease TTL: one that is late or fails costs nothing. */
const ROUNDS_PER_TTL = 5;
/** With long leases, too, a router that joins or leaves is noticed this soon. */
const MAX_ROUND_INTERVAL_MS = 500;
/** While partitions of the share are missing, the router looks this often. */
const SEARCH_INTERVAL_MS = 100;

export interface KeepLeasesDependencies {
  readonly self: string;
  readonly port: RouterPort;
  readonly held: HeldLeases;
  readonly ownerless: OwnerlessPartitions;
  readonly leaseTtlMs: number;
  readonly logger: Logger;
  readonly onLost: (leases: number) => void;
}

/** Longest time between two renewals. */
export function renewIntervalMs(leaseTtlMs: number): number {
  return Math.min(MAX_ROUND_INTERVAL_MS, leaseTtlMs / ROUNDS_PER_TTL);
}

/** Says that this router lives, renews its leases, and brings them to its fair share. */
export class LeaseKeeper {
  readonly #deps: KeepLeasesDependencies;

  constructor(deps: KeepLeasesDependencies) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal, progress: () => void): Promise<void> {
    const renewMs = renewIntervalMs(this.#deps.leaseTtlMs);
    while (!signal.aborted) {
      const settled = await this.round();
      progress();
      await pause(settled ? renewMs : Math.min(renewMs, SEARCH_INTERVAL_MS), signal);
    }
  }

  /** `true` when this router holds its share. */
  async round(): Promise<boolean> {
    const { self, port, held, ownerless, leaseTtlMs } = this.#deps;
    // Before the leases: a router that died is gone from the count of the living when its leases fall free.
    const live = await port.announce(self, leaseTtlMs);
    await this.#renew();
    const owners = await port.owners();
    const share = sharePartitions({ self, live, owners, held: held.leases() });
    await this.#release(share.release);
    const acquired = await Promise.all(
      share.acquire.map((partition) => port.acquire(partition, self, leaseTtlMs)),
    );
    const gained = acquired.filter((lease) => lease !== undefined);
    for (const lease of gained) held.add(lease);
    this.#tellChange(share.release, gained, live);
    ownerless.update(ownersNow(owners, self, share.release, gained), performance.now());
    return share.settled && gained.length === share.acquire.length;
  }

  /** Leaves: the others see at once that they are fewer and that the partitions are free. */
  async leave(): Promise<void> {
    const { self, port, held } = this.#deps;
    const leases = held.leases();
    await Promise.all(leases.map((lease) => held.retire(lease)));
    await port.announce(self, 0);
    await port.release(leases);
  }

  async #renew(): Promise<void> {
    const { port, held, leaseTtlMs, logger, onLost } = this.#deps;
    const before = held.leases();
    if (before.length === 0) return;
    const renewed = new Set((await port.renew(before, leaseTtlMs)).map(({ partition }) => partition));
    const lost = before.filter((lease) => !renewed.has(lease.partition) && held.lose(lease));
    if (lost.length === 0) return;
    onLost(lost.length);
    logger.warn({ partitions: partitionsOf(lost) }, 'lost partitions: this router was silent for too long');
  }

  async #release(leases: readonly Lease[]): Promise<void> {
    const { port, held } = this.#deps;
    await Promise.all(leases.map((lease) => held.retire(lease)));
    if (leases.length > 0) await port.release(leases);
  }

  #tellChange(released: readonly Lease[], gained: readonly Lease[], live: readonly string[]): void {
    if (released.length === 0 && gained.length === 0) return;
    this.#deps.logger.info(
      {
        gained: partitionsOf(gained),
        released: partitionsOf(released),
        held: this.#deps.held.size,
        routers: live.length,
      },
      'partitions changed hands',
    );
  }
}

function partitionsOf(leases: readonly Lease[]): readonly number[] {
  return leases.map(({ partition }) => partition);
}

function ownersNow(
  owners: readonly (string | undefined)[],
  self: string,
  released: readonly Lease[],
  gained: readonly Lease[],
): readonly (string | undefined)[] {
  const now = [...owners];
  for (const { partition } of released) now[partition] = undefined;
  for (const { partition } of gained) now[partition] = self;
  return now;
}
