import { RequestedControl } from '../control-node.ts';
import { makeEpoch } from '../epoch.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Broker, BrokerLimits, BrokerStatus, GatewayFeed, PartitionId } from '../ports.ts';
import { MemoryNodeDirectory } from './control-memory.ts';
import { NO_JOURNAL } from './journal/journal.ts';
import { type JournalOptions, JournalStore } from './journal/journal-store.ts';
import { Replay } from './journal/replay.ts';
import { snapshotEntries } from './journal/snapshot.ts';
import { MemoryAcks } from './memory-acks.ts';
import { MemoryColdHistory } from './memory-cold-history.ts';
import { MemoryFeed } from './memory-feed.ts';
import { MemoryHistory } from './memory-history.ts';
import { MemoryPublisher } from './memory-publisher.ts';
import { MemoryReconciliation } from './memory-reconciliation.ts';
import { MemoryRouterPort } from './memory-router-port.ts';
import { MemoryState } from './memory-state.ts';
import { MemoryRequests } from './requests-memory.ts';

const SWEEP_INTERVAL_MS = 30_000;
const JOURNAL_LOOK_INTERVAL_MS = 1000;

export interface MemoryBrokerOptions {
  /** Default 16. */
  readonly partitions?: number;
  readonly limits?: Partial<BrokerLimits>;
  /** Where everything that was accepted outlives the process. Default: nowhere. */
  readonly journal?: JournalOptions;
}

/** The whole installation lies in it: brokers of other processes know nothing of it. */
export type MemoryBroker = Broker;

/** The broker of single-process mode: the same guarantees within one process, nothing to install. */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const store = options.journal && new JournalStore(options.journal, () => state.deliverHeldUp());
  const journal = store?.writer ?? NO_JOURNAL;
  const state = new MemoryState(options.partitions ?? 16, limits, journal);
  const acks = new MemoryAcks(journal);
  const publisher = new MemoryPublisher(state);
  const upkeep = new Upkeep(state, acks, store, options.journal?.onMayLackEnd);
  const requestNodes = new Map<string, MemoryRequests>();
  const controlNodes = new Map<string, MemoryRequests>();
  const directory = new MemoryNodeDirectory();
  return {
    partitions: state.partitions,
    partitionOf: (channel): PartitionId => state.partitionOf(channel),
    publisher,
    history: new MemoryHistory(state),
    cold: new MemoryColdHistory(),
    acks,
    log: state.log,
    reconciliation: new MemoryReconciliation({ state, publish: (some) => publisher.publish(some) }),
    router: new MemoryRouterPort(state),
    requests: (node, answer) => new MemoryRequests(node, answer, requestNodes),
    control: (identity, describe) =>
      new RequestedControl({
        identity,
        describe,
        directory,
        requests: (node, answer) => new MemoryRequests(node, answer, controlNodes),
        heartbeatMs: limits.gatewayHeartbeatMs,
        onTrouble: () => undefined,
      }),
    feed: (gateway): GatewayFeed => new MemoryFeed(gateway, state),
    start: async () => upkeep.start(),
    stop: () => upkeep.stop(),
    nowMs: () => Date.now(),
    status: async (): Promise<BrokerStatus> => ({
      kind: 'memory',
      ready: !state.stopped && journal.problem === undefined,
      problems: store?.problems ?? [],
    }),
  };
}

/** Maintenance of the broker: removes expired state and compacts the journal. */
class Upkeep {
  readonly #state: MemoryState;
  readonly #acks: MemoryAcks;
  readonly #store: JournalStore | undefined;
  readonly #onMayLackEnd: JournalOptions['onMayLackEnd'];
  #timers: readonly NodeJS.Timeout[] = [];
  #snapshot: Promise<void> | undefined;

  constructor(
    state: MemoryState,
    acks: MemoryAcks,
    store: JournalStore | undefined,
    onMayLackEnd: JournalOptions['onMayLackEnd'],
  ) {
    this.#state = state;
    this.#acks = acks;
    this.#store = store;
    this.#onMayLackEnd = onMayLackEnd;
  }

  /** @throws JournalCorruptError */
  start(): void {
    if (this.#timers.length > 0) return;
    if (this.#store !== undefined) this.#readJournal(this.#store);
    this.#state.generation.begin();
    this.#sweep();
    this.#timers = [
      setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS).unref(),
      setInterval(() => this.#shorten(), JOURNAL_LOOK_INTERVAL_MS).unref(),
    ];
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#state.stop();
    await this.#snapshot;
    this.#store?.close();
  }

  #readJournal(store: JournalStore): void {
    const replay = new Replay(this.#state, this.#acks);
    const { mayLackEnd } = store.open(replay.apply);
    replay.finish();
    if (mayLackEnd !== undefined) {
      this.#raise(replay.keptUpToMs);
      this.#onMayLackEnd?.(mayLackEnd);
    } else this.#state.emptySinceMs = replay.emptySinceMs ?? this.#state.emptySinceMs;
    store.start(this.#state.emptySinceMs);
  }

  #raise(keptUpToMs: number): void {
    const atMs = Date.now();
    const generation = this.#state.generation.number + 1;
    const entry = { type: 'raised', generation, atMs, keptUpToMs, epoch: makeEpoch(atMs) } as const;
    this.#state.raise(entry);
    this.#state.journal.append(entry);
  }

  #sweep(): void {
    const nowMs = Date.now();
    this.#state.sweep(nowMs);
    this.#acks.sweep(nowMs);
  }

  #shorten(): void {
    if (this.#store?.isLong !== true) return;
    this.#snapshot = this.#store.writeSnapshot(() => snapshotEntries(this.#state, this.#acks));
  }
}
