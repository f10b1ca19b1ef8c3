import type { Logger } from '@carillon/telemetry';
import { RepeatedLog } from '@carillon/telemetry';
import type { Redis } from 'ioredis';
import type { PartitionId } from '../ports.ts';
import { Changes } from './changes.ts';
import { type ClaimEvidence, claimPartition } from './claim.ts';
import { PartitionKnowledge } from './partition-knowledge.ts';
import { runOf } from './redis-process.ts';

/** Pause between two looks whether the ends of epochs are settled. */
const POLL_MS = 50;
const MAX_POLL_MS = 1000;
const RETRY_MS = 200;

export interface GenerationGuardDependencies {
  readonly redis: Redis;
  /** Key that all keys of a partition begin with. */
  readonly baseOf: (partition: PartitionId) => string;
  readonly partitions: number;
  /** How long durable publishes wait, after a change of generation, for the database to say what it has. 0: not at all. */
  readonly settlePatienceMs: number;
  readonly logger: Logger;
}

/** A gateway: what its feeds brought is evidence of what Redis had. */
export interface Witness {
  readonly gateway: string;
  readUpTo(partition: PartitionId): string;
  /** Of all channels; `''`: none. Later ones must sort after it, whatever the clock of the next Redis says. */
  latestEpoch(): string;
  /** Makes its place in these partitions anew: their channels have new epochs. */
  rejoin(partitions: readonly PartitionId[]): Promise<void>;
  /** Accepted messages of these partitions are lost. */
  dataLost(partitions: readonly PartitionId[]): void;
}

/** Called with the partitions whose generation has changed, before publishing is open. Must not reject. */
export type OnRaised = (partitions: readonly PartitionId[], run: string) => Promise<void>;

/**
 * Knows the generation of each partition, which every publish call carries. At every connection to a Redis process that the data don't name the generation
 * is raised, so that nothing is accepted in epochs that process may have only in part. docs/architecture/redis-loss.md tells the whole story.
 */
export class GenerationGuard {
  readonly #deps: GenerationGuardDependencies;
  /** Of generations, and of what is settled. */
  readonly changes = new Changes();
  readonly #log: RepeatedLog;
  readonly #known: readonly PartitionKnowledge[];
  #onRaised: OnRaised = () => Promise.resolve();
  #waiting: (() => void)[] = [];
  #witness: Witness | undefined;
  #verifiedRun: string | undefined;
  /** Names the process that was claimed last, verified or not yet. */
  #claimedRun: string | undefined;
  /** Partitions whose change of generation has not been reported to all parts of this process. */
  readonly #untold = new Set<PartitionId>();
  #isOpen = false;
  #attempt = 0;
  #isStopped = false;
  #pollTimer: NodeJS.Timeout | undefined;
  #pollMs = POLL_MS;

  constructor(deps: GenerationGuardDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.logger);
    this.#known = Array.from({ length: deps.partitions }, () => new PartitionKnowledge());
    deps.redis.on('close', () => {
      this.#isOpen = false;
      this.#attempt++;
    });
    deps.redis.on('ready', () => void this.#verifyPatiently(++this.#attempt));
  }

  /** May be published? Not before the generation is known. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  set onRaised(listener: OnRaised) {
    this.#onRaised = listener;
  }

  /** Names the process that was verified last. */
  get run(): string | undefined {
    return this.#verifiedRun;
  }

  /** Is this the process that was claimed last? */
  isLatest(run: string): boolean {
    return run === this.#claimedRun;
  }

  /** The generation to publish in, on a connection of its own to the process that `run` names; `undefined`: not now. */
  generationFor(run: string | undefined, partition: PartitionId): string | undefined {
    return this.#isOpen && run === this.#verifiedRun ? this.#known[partition]!.generation : undefined;
  }

  generationOf(partition: PartitionId): string | undefined {
    return this.#known[partition]!.generation;
  }

  /**
   * Has the database said what it has, and is what was lost here published again, or does nobody wait any longer? Before that a repeat could be
   * taken for news: its first copy may be stored, and lost in Redis.
   */
  isSettled(partition: PartitionId): boolean {
    return this.#known[partition]!.takesDurable(performance.now());
  }

  /** See {@link isSettled}, of all partitions. */
  get takesDurable(): boolean {
    return this.#known.every((_, partition) => this.isSettled(partition));
  }

  /** Not longer than durable publishes wait at most; rejects when `signal` aborts. */
  async untilTakesDurable(signal?: AbortSignal): Promise<void> {
    while (!this.takesDurable) {
      signal?.throwIfAborted();
      await this.changes.next(MAX_POLL_MS);
    }
  }

  republishing(partition: PartitionId, isUnderWay: boolean): void {
    this.#known[partition]!.isRepublishing = isUnderWay;
  }

  /** Resolves with `true` when the database has said what it has; with `false` when the partition has yet another generation, after `timeoutMs`, or when this stops. */
  async untilSettled(
    partition: PartitionId,
    generation: string,
    timeoutMs = Number.POSITIVE_INFINITY,
  ): Promise<boolean> {
    const known = this.#known[partition]!;
    const deadlineMs = performance.now() + timeoutMs;
    while (!known.isSettled && known.generation === generation && !this.#isStopped) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) return false;
      await this.changes.next(leftMs);
    }
    return known.isSettled && known.generation === generation;
  }

  /** From now on what this gateway's feeds brought counts as evidence. */
  async join(witness: Witness): Promise<void> {
    this.#witness = witness;
    const run = this.#verifiedRun;
    if (run === undefined || !this.#isOpen) return;
    await this.#claimAll(run);
    if (this.#untold.size > 0) this.verifyAgain();
  }

  /** Resolves when it is open; rejects when `signal` aborts. */
  async untilOpen(signal?: AbortSignal): Promise<void> {
    if (this.#isOpen) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal!.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(resolve);
    await promise.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** The write count of an answered publish, or of a push. While it isn't known which generation it counts in, it is no evidence. */
  saw(partition: PartitionId, count: number): void {
    if (!this.#isOpen) return;
    this.#known[partition]!.saw(count);
  }

  /** Takes the generation that a heartbeat returned. */
  observe(partition: PartitionId, generation: string, lossy: string): void {
    const known = this.#known[partition]!;
    if (known.generation === undefined) return;
    if (known.generation !== generation) this.verifyAgain();
    else if (known.lossy !== lossy) this.#learnLosses([partition], [lossy]);
  }

  /** Something says that this isn't the Redis, or not the generation, that was verified: look again. */
  verifyAgain(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#verifiedRun = undefined;
    void this.#verifyPatiently(++this.#attempt);
  }

  stop(): void {
    this.#attempt++;
    this.#isStopped = true;
    clearTimeout(this.#pollTimer);
    this.changes.tell();
  }

  async #verifyPatiently(attempt: number): Promise<void> {
    while (attempt === this.#attempt && this.#deps.redis.status === 'ready') {
      try {
        await this.#verify(attempt);
        this.#log.reset();
        return;
      } catch (error) {
        this.#log.warn({ err: error }, 'could not find out which generation Redis has; trying again');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #verify(attempt: number): Promise<void> {
    const { redis } = this.#deps;
    const run = await runOf((section) => redis.info(section));
    await this.#claimAll(run);
    if (attempt !== this.#attempt) return;
    if (this.#untold.size > 0) await this.#tell([...this.#untold], run);
    if (attempt !== this.#attempt) return;
    this.#untold.clear();
    this.#verifiedRun = run;
    this.#isOpen = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #claimAll(run: string): Promise<void> {
    const { redis, baseOf, settlePatienceMs } = this.#deps;
    const claims = await Promise.all(
      this.#known.map((_, partition) =>
        claimPartition(redis, baseOf(partition), run, this.#evidence(partition)),
      ),
    );
    const partitions = [...claims.keys()];
    const waitsUntilMs = performance.now() + settlePatienceMs;
    this.#claimedRun = run;
    for (const partition of partitions)
      if (this.#known[partition]!.learn(claims[partition]!, waitsUntilMs)) this.#untold.add(partition);
    this.changes.tell();
    this.#learnLosses(
      partitions,
      claims.map(({ lossy }) => lossy),
    );
    this.#pollMs = POLL_MS;
    this.#pollUntilSettled();
  }

  #evidence(partition: PartitionId): ClaimEvidence {
    const { generation = '', seen } = this.#known[partition]!;
    return {
      generation,
      seen,
      gateway: this.#witness?.gateway ?? '',
      readUpTo: this.#witness?.readUpTo(partition) ?? '0-0',
      latestEpoch: this.#witness?.latestEpoch() ?? '',
    };
  }

  #learnLosses(partitions: readonly PartitionId[], lossy: readonly string[]): void {
    const news = partitions.filter((partition, i) => this.#known[partition]!.learnLosses(lossy[i]!));
    if (news.length === 0) return;
    this.#deps.logger.error(
      { partitions: news },
      'Redis came back without messages that it had accepted: what is still held is published again, and subscribers are told',
    );
    this.#witness?.dataLost(news);
  }

  async #tell(raised: readonly PartitionId[], run: string): Promise<void> {
    this.#deps.logger.warn(
      { partitions: raised },
      'Redis is another process than before: the channels of these partitions go on in new epochs',
    );
    await this.#witness?.rejoin(raised);
    await this.#onRaised(raised, run);
  }

  #pollUntilSettled(): void {
    clearTimeout(this.#pollTimer);
    if (this.#known.every(({ isSettled }) => isSettled)) return;
    this.#pollTimer = setTimeout(() => void this.#lookWhetherSettled(), this.#pollMs).unref();
    this.#pollMs = Math.min(MAX_POLL_MS, this.#pollMs * 1.5);
  }

  async #lookWhetherSettled(): Promise<void> {
    const { redis, baseOf } = this.#deps;
    const attempt = this.#attempt;
    const open = this.#known.flatMap(({ isSettled }, partition) => (isSettled ? [] : [partition]));
    try {
      const states = await Promise.all(
        open.map((partition) => redis.hmget(`${baseOf(partition)}meta`, 'g', 'q', 'ls')),
      );
      if (attempt !== this.#attempt) return;
      for (const [i, [generation, settled]] of states.entries())
        if (generation === this.#known[open[i]!]!.generation && settled === generation)
          this.#known[open[i]!]!.isSettled = true;
      this.changes.tell();
      this.#learnLosses(
        open,
        states.map(([, , lossy]) => lossy ?? ''),
      );
    } catch {
      // The connection says so itself, and a new one claims anew.
    }
    this.#pollUntilSettled();
  }
}
