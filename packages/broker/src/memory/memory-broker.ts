import { DEFAULT_LIMITS } from '../limits.ts';
import type { Broker, BrokerLimits, BrokerStatus, GatewayFeed, PartitionId } from '../ports.ts';
import { NO_JOURNAL } from './journal/journal.ts';
import { type JournalOptions, JournalStore } from './journal/journal-store.ts';
import { Replay } from './journal/replay.ts';
import { snapshotEntries } from './journal/snapshot.ts';
import { MemoryAcks } from './memory-acks.ts';
import { MemoryColdHistory } from './memory-cold-history.ts';
import { MemoryFeed } from './memory-feed.ts';
import { MemoryHistory } from './memory-history.ts';
import { MemoryPublisher } from './memory-publisher.ts';
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
  const upkeep = new Upkeep(state, acks, store);
  const requestNodes = new Map<string, MemoryRequests>();
  return {
    partitions: state.partitions,
    partitionOf: (channel): PartitionId => state.partitionOf(channel),
    publisher: new MemoryPublisher(state),
    history: new MemoryHistory(state),
    cold: new MemoryColdHistory(),
    acks,
    log: state.log,
    router: new MemoryRouterPort(state),
    requests: (node, answer) => new MemoryRequests(node, answer, requestNodes),
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

/** What the broker does by itself: forgets what has expired, and keeps its journal short. */
class Upkeep {
  readonly #state: MemoryState;
  readonly #acks: MemoryAcks;
  readonly #store: JournalStore | undefined;
  #timers: readonly NodeJS.Timeout[] = [];
  #snapshot: Promise<void> | undefined;

  constructor(state: MemoryState, acks: MemoryAcks, store: JournalStore | undefined) {
    this.#state = state;
    this.#acks = acks;
    this.#store = store;
  }

  /** @throws JournalCorruptError */
  start(): void {
    if (this.#timers.length > 0) return;
    const replay = new Replay(this.#state, this.#acks);
    this.#store?.open(replay.apply);
    replay.finish();
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
    this.#store?.writer.close();
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
