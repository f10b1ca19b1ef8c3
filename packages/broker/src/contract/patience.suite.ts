/** For a server that is slow for a moment: what is there is asked for until it is told. */
import { expect } from 'vitest';
import type { Broker, Lease, LogEntry, RouteEntry, RouterPort } from '../ports.ts';

export const POLL = { timeout: 20_000 };

/** Reads until there are entries: a slow server may take longer to answer than a read blocks. */
async function untilRead<T>(read: () => Promise<readonly T[]>): Promise<readonly T[]> {
  for (;;) {
    const entries = await read();
    if (entries.length > 0) return entries;
  }
}

/** In a cluster, a partition whose node is slow for a moment counts as away. */
export async function acquired(
  router: RouterPort,
  partition: number,
  owner: string,
  ttlMs = 60_000,
): Promise<Lease> {
  let lease: Lease | undefined;
  await expect.poll(async () => (lease = await router.acquire(partition, owner, ttlMs)), POLL).toBeDefined();
  return lease!;
}

export const readLog = (broker: Broker, consumer: string): Promise<readonly LogEntry[]> =>
  untilRead(() => broker.log.read(consumer, { count: 10, blockMs: 1000 }));

export const readRoute = (broker: Broker, lease: Lease): Promise<readonly RouteEntry[]> =>
  untilRead(() => broker.router.read([lease], { count: 10, blockMs: 1000 }));
