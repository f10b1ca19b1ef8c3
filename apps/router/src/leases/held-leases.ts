import type { Lease, PartitionId } from '@carillon/broker';
import { InterestCache } from '../routing/interest-cache.ts';

/** A partition this router holds. What is known of it ends with the lease: another router may route in between. */
export interface HeldPartition {
  readonly lease: Lease;
  readonly interest: InterestCache;
}

interface Entry {
  readonly partition: HeldPartition;
  /** Ends with the work under way. */
  busy: Promise<unknown>;
}

/** The partitions of this router, shared by the loops: leases come and go in one, messages are routed in another. */
export class HeldLeases {
  readonly #entries = new Map<PartitionId, Entry>();
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#entries.size;
  }

  leases(): readonly Lease[] {
    return [...this.#entries.values()].map(({ partition }) => partition.lease);
  }

  add(lease: Lease): void {
    this.#entries.set(lease.partition, {
      partition: { lease, interest: new InterestCache() },
      busy: Promise.resolve(),
    });
    for (const wake of this.#waiting) wake();
  }

  /** The lease is somebody else's, or its reading place is no longer sure. Nothing that was begun under it goes on. */
  lose(lease: Lease): boolean {
    return this.#find(lease) !== undefined && this.#entries.delete(lease.partition);
  }

  /** Does `task` if the lease is held (still, and not anew). */
  async use(lease: Lease, task: (partition: HeldPartition) => Promise<void>): Promise<void> {
    const entry = this.#find(lease);
    if (entry === undefined) return;
    const done = task(entry.partition);
    entry.busy = done.catch(() => undefined); // the caller of `use` gets the error
    await done;
  }

  /** Takes a lease out and waits until the work under way on its partition is done. */
  async retire(lease: Lease): Promise<void> {
    const entry = this.#find(lease);
    if (entry === undefined) return;
    this.#entries.delete(lease.partition);
    await entry.busy;
  }

  /** Resolves when there is a lease, or `signal` aborts. */
  async untilAny(signal: AbortSignal): Promise<void> {
    if (this.#entries.size > 0 || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake);
    await promise;
    this.#waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }

  #find({ partition, fence }: Lease): Entry | undefined {
    const entry = this.#entries.get(partition);
    return entry?.partition.lease.fence === fence ? entry : undefined;
  }
}
