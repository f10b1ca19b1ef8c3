import { DEFAULT_LIMITS } from '../limits.ts';
import type { Broker, BrokerLimits, BrokerStatus, ChannelKey, GatewayFeed, PartitionId } from '../ports.ts';
import type { Reconciliation } from '../reconciliation.ts';
import { MemoryAcks } from './memory-acks.ts';
import { MemoryColdHistory } from './memory-cold-history.ts';
import { MemoryFeed } from './memory-feed.ts';
import { MemoryHistory } from './memory-history.ts';
import { MemoryPublisher } from './memory-publisher.ts';
import { MemoryRouterPort } from './memory-router-port.ts';
import { type ChannelSnapshot, MemoryState } from './memory-state.ts';
import { MemoryRequests } from './requests-memory.ts';

/** The memory of a process is there or gone, together with all that was accepted in it. */
const NOTHING_TO_RECONCILE: Reconciliation = {
  unsettled: async () => [],
  generations: async () => [],
  states: async () => [],
  extend: async () => undefined,
  news: (timeoutMs) => new Promise((resolve) => void setTimeout(resolve, timeoutMs).unref()),
  settle: async () => true,
  republish: async () => 0,
};

const SWEEP_INTERVAL_MS = 30_000;

export interface MemoryBrokerOptions {
  /** Default 16. */
  readonly partitions?: number;
  readonly limits?: Partial<BrokerLimits>;
}

/** What channels keep over a clean stop, as plain JSON: position and what repeated publishes are recognised by. */
export type MemorySnapshot = readonly (readonly [ChannelKey, ChannelSnapshot])[];

export interface MemoryBroker extends Broker {
  /**
   * To be restored at the next start. Take it when nothing is published any more and everything accepted is
   * stored: a position restored without its messages would lead clients to a gap that nothing can fill.
   */
  snapshot(): MemorySnapshot;
  /** Before the first use. Channels that are not in the snapshot begin new epochs. */
  restore(snapshot: MemorySnapshot): void;
}

/** The broker of single-process mode: the same guarantees within one process, nothing to install. */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const state = new MemoryState(options.partitions ?? 16, { ...DEFAULT_LIMITS, ...options.limits });
  const acks = new MemoryAcks();
  const requestNodes = new Map<string, MemoryRequests>();
  let sweeping: NodeJS.Timeout | undefined;
  return {
    partitions: state.partitions,
    partitionOf: (channel): PartitionId => state.partitionOf(channel),
    publisher: new MemoryPublisher(state),
    history: new MemoryHistory(state),
    cold: new MemoryColdHistory(),
    acks,
    log: state.log,
    reconciliation: NOTHING_TO_RECONCILE,
    router: new MemoryRouterPort(state),
    requests: (node, answer) => new MemoryRequests(node, answer, requestNodes),
    feed: (gateway): GatewayFeed => new MemoryFeed(gateway, state),
    start: async () => {
      sweeping ??= setInterval(() => state.sweep(Date.now()), SWEEP_INTERVAL_MS).unref();
    },
    stop: async () => {
      clearInterval(sweeping);
      state.stop();
    },
    nowMs: () => Date.now(),
    status: async (): Promise<BrokerStatus> => ({ kind: 'memory', ready: !state.stopped, problems: [] }),
    snapshot: () =>
      state.snapshot().map(([channel, kept]) => {
        const cursors = acks.cursorsOf(channel);
        return [channel, cursors === undefined ? kept : { ...kept, acks: cursors }] as const;
      }),
    restore: (snapshot) => {
      state.restore(snapshot);
      for (const [channel, kept] of snapshot) if (kept.acks !== undefined) acks.restore(channel, kept.acks);
    },
  };
}
