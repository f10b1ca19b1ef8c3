import { MAX_ENDED_EPOCHS } from '../lineage.ts';
import type { PartitionId } from '../partition.ts';
import type { Settlement } from './ended-states.ts';

/** Bound of the wait of durable publishes for the database's answer about ended epochs. */
const SETTLE_PATIENCE_MS = 5000;

export interface GenerationState {
  readonly generation: number;
  /** When it began, in milliseconds since 1970; 0: it is the first. */
  readonly raisedAtMs: number;
  /** Everything that was accepted until then is there. */
  readonly keptUpToMs: number;
  readonly settled: readonly PartitionId[];
  readonly lossy: readonly (readonly [PartitionId, readonly number[]])[];
}

interface Waiting {
  readonly partition: PartitionId;
  readonly tell: (isSettled: boolean) => void;
}

/**
 * A generation ends when the journal may lack what was accepted last. What the present one knows: which partitions are compared with the database, and
 * which began with a loss.
 */
export class MemoryGeneration {
  readonly #partitions: number;
  readonly #settled: Set<PartitionId>;
  readonly #lossy = new Map<PartitionId, Set<number>>();
  #number = 1;
  #raisedAtMs = 0;
  #keptUpToMs = 0;
  #waitsUntilMs = 0;
  #waiting: Waiting[] = [];

  constructor(partitions: number) {
    this.#partitions = partitions;
    this.#settled = new Set(Array.from({ length: partitions }, (_, partition) => partition));
  }

  get number(): number {
    return this.#number;
  }

  get raisedAtMs(): number {
    return this.#raisedAtMs;
  }

  get keptUpToMs(): number {
    return this.#keptUpToMs;
  }

  get isSettled(): boolean {
    return this.#settled.size === this.#partitions;
  }

  of(partition: PartitionId): Settlement {
    return { isSettled: this.#settled.has(partition), lossy: this.#lossy.get(partition) ?? new Set() };
  }

  /** May durable messages be published? A repeat could be taken for news before: its first copy may be stored, and lost here. */
  takesDurable(partition: PartitionId): boolean {
    return this.#settled.has(partition) || performance.now() >= this.#waitsUntilMs;
  }

  /** How long durable publishes may still have to wait. */
  get patienceLeftMs(): number {
    return Math.max(0, this.#waitsUntilMs - performance.now());
  }

  raise(generation: number, raisedAtMs: number, keptUpToMs: number): void {
    this.#keptUpToMs = this.isSettled ? keptUpToMs : Math.min(keptUpToMs, this.#keptUpToMs);
    this.#number = generation;
    this.#raisedAtMs = raisedAtMs;
    this.#settled.clear();
  }

  /** Publishing opens. */
  begin(): void {
    this.#waitsUntilMs = performance.now() + SETTLE_PATIENCE_MS;
  }

  settle(partition: PartitionId, hasLoss: boolean): void {
    if (hasLoss) this.#noteLoss(partition);
    this.#settled.add(partition);
    for (const { tell } of this.#take((one) => one.partition === partition)) tell(true);
  }

  /** Resolves with `true` when the partition is settled, with `false` after `timeoutMs` or when the broker stops. */
  async untilSettled(partition: PartitionId, timeoutMs: number): Promise<boolean> {
    if (this.#settled.has(partition)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => {
      this.#take(({ tell }) => tell === resolve);
      resolve(false);
    }, timeoutMs);
    this.#waiting.push({ partition, tell: resolve });
    return await promise.finally(() => clearTimeout(timer));
  }

  stop(): void {
    for (const { tell } of this.#take(() => true)) tell(false);
  }

  snapshot(): GenerationState {
    return {
      generation: this.#number,
      raisedAtMs: this.#raisedAtMs,
      keptUpToMs: this.#keptUpToMs,
      settled: [...this.#settled],
      lossy: [...this.#lossy].map(([partition, generations]) => [partition, [...generations]] as const),
    };
  }

  restore({ generation, raisedAtMs, keptUpToMs, settled, lossy }: GenerationState): void {
    this.raise(generation, raisedAtMs, keptUpToMs);
    for (const partition of settled) this.#settled.add(partition);
    for (const [partition, generations] of lossy) this.#lossy.set(partition, new Set(generations));
  }

  #noteLoss(partition: PartitionId): void {
    const generations = [...(this.#lossy.get(partition) ?? []), this.#number];
    this.#lossy.set(partition, new Set(generations.slice(-MAX_ENDED_EPOCHS)));
  }

  #take(isTaken: (waiting: Waiting) => boolean): readonly Waiting[] {
    const taken = this.#waiting.filter(isTaken);
    this.#waiting = this.#waiting.filter((waiting) => !taken.includes(waiting));
    return taken;
  }
}
