import type { Lease, RouterPort } from '@carillon/broker';
import type { Counter, Logger } from '@carillon/telemetry';
import type { HeldLeases } from '../leases/held-leases.ts';

export interface KeepUpDependencies {
  readonly port: RouterPort;
  readonly held: HeldLeases;
  readonly directLaneMaxGateways: number;
  readonly gatewayTimeoutMs: number;
  readonly narrowed: Counter;
  readonly reaped: Counter;
  readonly logger: Logger;
}

/** One round over the held partitions: dead gateways are removed, channels that few gateways want go back to the direct lane. */
export async function keepUp(deps: KeepUpDependencies): Promise<void> {
  await Promise.all(
    deps.held.leases().map(async (lease) => {
      await reapGateways(lease, deps);
      await narrowChannels(lease, deps);
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

async function narrowChannels(lease: Lease, deps: KeepUpDependencies): Promise<void> {
  const channels = await deps.port.narrow(lease, narrowAt(deps.directLaneMaxGateways));
  if (channels.length === 0) return;
  deps.narrowed.add(channels.length);
  deps.logger.debug({ partition: lease.partition, channels }, 'channels are in the direct lane again');
}

/** A quarter below W: a channel whose gateways come and go at W doesn't change its lane each time. */
export function narrowAt(directLaneMaxGateways: number): number {
  return directLaneMaxGateways - Math.floor(directLaneMaxGateways / 4);
}
