import type { Lease, RouterPort } from '@carillon/broker';
import type { Counter, Logger } from '@carillon/telemetry';
import type { HeldLeases } from '../leases/held-leases.ts';
import type { LaneNarrower } from './narrow-channels.ts';

export interface KeepUpDependencies {
  readonly port: RouterPort;
  readonly held: HeldLeases;
  readonly narrowing: LaneNarrower;
  readonly gatewayTimeoutMs: number;
  readonly reaped: Counter;
  readonly logger: Logger;
}

/** One round over the held partitions: dead gateways are removed, channels that few gateways want go back to the direct lane. */
export async function keepUp(deps: KeepUpDependencies): Promise<void> {
  await Promise.all(
    deps.held.leases().map(async (lease) => {
      await reapGateways(lease, deps);
      await deps.narrowing.sweep(lease);
    }),
  );
}

async function reapGateways(lease: Lease, deps: KeepUpDependencies): Promise<void> {
  const gateways = await deps.port.reap(lease, deps.gatewayTimeoutMs);
  if (gateways.length === 0) return;
  deps.reaped.add(gateways.length);
  deps.logger.warn(
    { partition: lease.partition, gateways, gatewayTimeoutMs: deps.gatewayTimeoutMs },
    'removed gateways that were silent for too long',
  );
}
