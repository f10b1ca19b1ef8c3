import type { Logger } from '@carillon/telemetry';
import { RepeatedLog } from '@carillon/telemetry';
import type { Redis } from 'ioredis';
import type { PartitionId } from '../ports.ts';
import { runScript } from './scripts.ts';

/** Pause between two looks while other gateways have not yet said what they saw. */
const POLL_MS = 50;
const RETRY_MS = 200;

export interface TimelineDependencies {
  readonly redis: Redis;
  /** Key that all keys of a partition begin with. */
  readonly baseOf: (partition: PartitionId) => string;
  readonly partitions: number;
  /** How long other gateways are waited for: as long as a dead one may look alive. */
  readonly patienceMs: number;
  readonly logger: Logger;
}

/** A gateway: the newest entries of its feeds are evidence of what Redis had. */
export interface Witness {
  readonly gateway: string;
  readUpTo(partition: PartitionId): string;
  /** Of all channels; `''`: none. Later ones must sort after it, whatever the clock of the next Redis says. */
  latestEpoch(): string;
  /** Makes its place in these partitions anew. */
  rejoin(partitions: readonly PartitionId[]): Promise<void>;
}

/** A partition whose accepted messages are lost in part. */
export interface BrokenPartition {
  readonly partition: PartitionId;
  /** Writes that Redis still had when it came back; later ones are gone. */
  readonly writesKept: number;
}

interface Evidence {
  /** Highest write count of an answered publish. */
  readonly count: number;
  /** Id of the newest entry read from the feed. */
  readonly readUpTo: string;
}

const NOTHING_SEEN: Evidence = { count: 0, readUpTo: '0-0' };

/** Called before publishing is open again. Must not reject. `run` names the Redis that lost them. */
export type OnBroken = (
  broken: readonly BrokenPartition[],
  gateway: string | undefined,
  run: string,
) => Promise<void>;

/**
 * Notices that Redis came back without messages that it had acknowledged: restarted from an older file, empty, or failed over to
 * a replica that lagged. At every connection to a Redis process that isn't known yet each partition is asked what it has, and nothing
 * is published before all live gateways have said what they saw. docs/architecture/redis-loss.md tells the whole story.
 */
export class Timeline {
  readonly #deps: TimelineDependencies;
  readonly #log: RepeatedLog;
  readonly #seen: number[];
  readonly #generations: (string | undefined)[];
  #onBroken: OnBroken = () => Promise.resolve();
  #waiting: (() => void)[] = [];
  #witness: Witness | undefined;
  #verifiedRun: string | undefined;
  #isOpen = false;
  #attempt = 0;

  constructor(deps: TimelineDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.logger);
    this.#seen = Array.from({ length: deps.partitions }, () => 0);
    this.#generations = Array.from({ length: deps.partitions }, () => undefined);
    deps.redis.on('close', () => {
      this.#isOpen = false;
      this.#attempt++;
    });
    deps.redis.on('ready', () => void this.#verifyPatiently(++this.#attempt));
  }

  /** May be published? Not before it is known that this Redis has what was accepted. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** As `isOpen`, for a connection of its own to the Redis that `run` names. */
  isOpenFor(run: string | undefined): boolean {
    return this.#isOpen && run === this.#verifiedRun;
  }

  set onBroken(listener: OnBroken) {
    this.#onBroken = listener;
  }

  /** From now on this gateway's feeds count as evidence, and other gateways wait for its word. */
  async join(witness: Witness): Promise<void> {
    this.#witness = witness;
    const run = this.#verifiedRun;
    // Nothing was seen of earlier runs. When it isn't open: what is under way, or comes at the next connection, says the rest.
    if (run !== undefined && this.#isOpen)
      await Promise.all(this.#all().map((partition) => this.#attest(partition, run, NOTHING_SEEN)));
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

  /** The write count of an answered publish. */
  saw(partition: PartitionId, count: number): void {
    if (count > this.#seen[partition]!) this.#seen[partition] = count;
  }

  async #verifyPatiently(attempt: number): Promise<void> {
    while (attempt === this.#attempt && this.#deps.redis.status === 'ready') {
      try {
        await this.#verify(attempt);
        this.#log.reset();
        return;
      } catch (error) {
        this.#log.warn({ err: error }, 'could not find out whether Redis has all messages; trying again');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #verify(attempt: number): Promise<void> {
    const { redis } = this.#deps;
    const run = await runOf((section) => redis.info(section));
    if (run !== this.#verifiedRun) {
      const broken = await this.#attestAll(run, attempt);
      if (attempt !== this.#attempt) return;
      if (broken.length > 0) await this.#tell(broken, run);
      this.#verifiedRun = run;
    }
    if (attempt !== this.#attempt) return;
    this.#isOpen = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #attestAll(run: string, attempt: number): Promise<readonly BrokenPartition[]> {
    const broken: BrokenPartition[] = [];
    let waitFor = this.#all();
    while (waitFor.length > 0 && attempt === this.#attempt) {
      const answers = await Promise.all(
        waitFor.map((partition) => this.#attest(partition, run, this.#evidence(partition))),
      );
      const open: PartitionId[] = [];
      for (const [i, { generation, writesKept, othersAreAwaited }] of answers.entries()) {
        const partition = waitFor[i]!;
        if (othersAreAwaited) open.push(partition);
        else if (this.#learn(partition, generation)) broken.push({ partition, writesKept });
      }
      waitFor = open;
      if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return broken;
  }

  #all(): readonly PartitionId[] {
    return Array.from({ length: this.#deps.partitions }, (_, partition) => partition);
  }

  async #attest(
    partition: PartitionId,
    run: string,
    { count, readUpTo }: Evidence,
  ): Promise<{
    readonly generation: string;
    readonly writesKept: number;
    readonly othersAreAwaited: boolean;
  }> {
    const { redis, baseOf, patienceMs } = this.#deps;
    const [generation, writesKept, awaited] = (await runScript(redis, 'attest', baseOf(partition), [
      run,
      count,
      this.#witness?.gateway ?? '',
      readUpTo,
      patienceMs,
      this.#witness?.latestEpoch() ?? '',
    ])) as [string, number, number];
    return {
      generation: String(generation),
      writesKept: Number(writesKept),
      othersAreAwaited: awaited === 1,
    };
  }

  #evidence(partition: PartitionId): Evidence {
    return { count: this.#seen[partition]!, readUpTo: this.#witness?.readUpTo(partition) ?? '0-0' };
  }

  /** Is it another generation than before? The first one that this process sees is no news. */
  #learn(partition: PartitionId, generation: string): boolean {
    const before = this.#generations[partition];
    this.#generations[partition] = generation;
    return before !== undefined && before !== generation;
  }

  async #tell(broken: readonly BrokenPartition[], run: string): Promise<void> {
    this.#deps.logger.error(
      { partitions: broken.map(({ partition }) => partition) },
      'Redis came back without messages that it had acknowledged: channels of these partitions begin new epochs, and what is still held here is published again',
    );
    await this.#witness?.rejoin(broken.map(({ partition }) => partition));
    await this.#onBroken(broken, this.#witness?.gateway, run);
  }
}

/**
 * Names the process and its replication history: either changes when another server, or the same one with other data, answers.
 * @param infoOf what INFO answers for a section
 */
export async function runOf(infoOf: (section: string) => Promise<string>): Promise<string> {
  const value = (info: string, name: string): string =>
    new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const [server, replication] = await Promise.all([infoOf('server'), infoOf('replication')]);
  return `${value(server, 'run_id')}:${value(replication, 'master_replid')}`;
}
