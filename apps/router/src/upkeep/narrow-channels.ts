import type { ChannelKey, Lease, RouterPort } from '@carillon/broker';
import type { Counter, Logger } from '@carillon/telemetry';

export interface LaneNarrowerDependencies {
  readonly port: RouterPort;
  readonly directLaneMaxGateways: number;
  readonly narrowed: Counter;
  readonly logger: Logger;
}

/** Brings wide channels that few gateways want back to the direct lane. */
export class LaneNarrower {
  readonly #deps: LaneNarrowerDependencies;
  readonly #maxGateways: number;

  constructor(deps: LaneNarrowerDependencies) {
    this.#deps = deps;
    this.#maxGateways = narrowAt(deps.directLaneMaxGateways);
  }

  /**
   * Right after a batch: a channel can only go back at a moment when all its messages are routed, and for a busy channel that is
   * now or hardly ever.
   */
  async offer(lease: Lease, gateways: ReadonlyMap<ChannelKey, readonly string[]>): Promise<void> {
    const few: ChannelKey[] = [];
    for (const [channel, { length }] of gateways) if (length <= this.#maxGateways) few.push(channel);
    if (few.length > 0) await this.#narrow(lease, few);
  }

  /** For channels that have become quiet. */
  async sweep(lease: Lease): Promise<void> {
    await this.#narrow(lease);
  }

  async #narrow(lease: Lease, candidates?: readonly ChannelKey[]): Promise<void> {
    const { port, narrowed, logger } = this.#deps;
    const channels = await port.narrow(lease, this.#maxGateways, candidates);
    if (channels.length === 0) return;
    narrowed.add(channels.length);
    logger.debug({ partition: lease.partition, channels }, 'channels are in the direct lane again');
  }
}

/** A quarter below W: a channel whose gateways come and go at W doesn't change its lane each time. */
export function narrowAt(directLaneMaxGateways: number): number {
  return directLaneMaxGateways - Math.floor(directLaneMaxGateways / 4);
}
