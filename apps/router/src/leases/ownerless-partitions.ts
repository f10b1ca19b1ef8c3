import type { PartitionId } from '@carillon/broker';

/** Partitions that nobody holds, and since when. */
export class OwnerlessPartitions {
  readonly #graceMs: number;
  readonly #sinceMs = new Map<PartitionId, number>();

  /** `graceMs`: shorter than this is a handover, not a problem. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  update(owners: readonly (string | undefined)[], nowMs: number): void {
    for (const [partition, owner] of owners.entries()) {
      if (owner !== undefined) this.#sinceMs.delete(partition);
      else if (!this.#sinceMs.has(partition)) this.#sinceMs.set(partition, nowMs);
    }
  }

  get count(): number {
    return this.#sinceMs.size;
  }

  has(partition: PartitionId): boolean {
    return this.#sinceMs.has(partition);
  }

  problem(nowMs: number): string | undefined {
    const late = [...this.#sinceMs].filter(([, sinceMs]) => nowMs - sinceMs > this.#graceMs);
    if (late.length === 0) return undefined;
    const longestMs = Math.round(nowMs - Math.min(...late.map(([, sinceMs]) => sinceMs)));
    return `no router holds partition ${late.map(([partition]) => partition).join(', ')} (for ${longestMs} ms): channels with many gateways stand still there; start more routers or look why the live ones can't take them`;
  }
}
