import type { RouteEntry, RouterPort } from '@carillon/broker';
import type { Counter, Spans } from '@carillon/telemetry';
import type { HeldPartition } from '../leases/held-leases.ts';
import type { LaneNarrower } from '../upkeep/narrow-channels.ts';
import { learnInterest } from './learn-interest.ts';
import { packByGateway } from './pack-by-gateway.ts';
import { endSpans, startSpans } from './trace-messages.ts';

export interface RouteBatchDependencies {
  readonly port: RouterPort;
  readonly spans: Spans;
  readonly messages: Counter;
  readonly copies: Counter;
  readonly narrowing: LaneNarrower;
}

/**
 * Routes what was read of one partition. First the effects, then the cursor: a crash in between repeats, never skips.
 * Resolves `false` when the lease has passed to another router; what was forwarded then is dropped by seq at the gateways.
 */
export async function routeBatch(
  { lease, interest }: HeldPartition,
  entries: readonly RouteEntry[],
  deps: RouteBatchDependencies,
): Promise<boolean> {
  const { port, spans, messages: messagesRouted, copies: copiesWritten, narrowing } = deps;
  const messages = entries.filter((entry) => entry.kind === 'message');
  const traced = startSpans(messages, spans);
  try {
    const gateways = await learnInterest(entries, interest, port);
    const byGateway = packByGateway(messages, gateways);
    if (byGateway.size > 0) await port.forward(lease.partition, byGateway);
    const committed = await port.commit(lease, entries.at(-1)!.entryId);
    messagesRouted.add(messages.length);
    for (const packed of byGateway.values()) copiesWritten.add(packed.length);
    endSpans(traced);
    if (committed) await narrowing.offer(lease, gateways);
    return committed;
  } catch (error) {
    endSpans(traced, error);
    throw error;
  }
}
