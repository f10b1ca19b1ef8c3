import type { Lease, PartitionId } from '@carillon/broker';

export interface ShareInput {
  readonly self: string;
  /** Live routers, this one included. */
  readonly live: readonly string[];
  /** Owner of each partition by index, as the broker records it; `undefined`: no owner. */
  readonly owners: readonly (string | undefined)[];
  readonly held: readonly Lease[];
}

export interface ShareDecision {
  readonly release: readonly Lease[];
  readonly acquire: readonly PartitionId[];
  /** `false`: partitions of this router's share are still in other hands, or with nobody. */
  readonly settled: boolean;
}

/**
 * The partitions this router has to release or acquire for a fair share. All routers compute with the same figures and
 * the shares add up to the number of partitions, so that no router takes a partition that another one would have to
 * give back.
 */
export function sharePartitions({ self, live, owners, held }: ShareInput): ShareDecision {
  const share = shareOf(self, live, owners.length);
  const heldHere = new Set(held.map(({ partition }) => partition));
  const excess = held.slice(Math.min(held.length, share));
  // Owned by the broker's record but not held here: from before a restart, or given up after an error.
  const own = owners.flatMap((owner, partition) =>
    owner === self && !heldHere.has(partition) ? [partition] : [],
  );
  const free = owners.flatMap((owner, partition) =>
    owner === undefined && !heldHere.has(partition) ? [partition] : [],
  );
  const room = share - (held.length - excess.length);
  const acquire = [...own, ...rotated(free, rankOf(self, live))].slice(0, room);
  return { release: excess, acquire, settled: acquire.length >= room };
}

/** Partitions a router should hold; the first ones in the order of names hold one more when they can't be shared out evenly. */
export function shareOf(self: string, live: readonly string[], partitions: number): number {
  const routers = Math.max(1, live.length);
  const even = Math.floor(partitions / routers);
  return even + (rankOf(self, live) < partitions % routers ? 1 : 0);
}

function rankOf(self: string, live: readonly string[]): number {
  return Math.max(0, [...live].sort().indexOf(self));
}

/** Routers that look for partitions at the same time begin in different places. */
function rotated<T>(items: readonly T[], by: number): readonly T[] {
  if (items.length === 0) return items;
  const at = (by * 7) % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
