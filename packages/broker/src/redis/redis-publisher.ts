import type { Redis } from 'ioredis';
import { makeEpoch } from '../epoch.ts';
import type { BrokerLimits, PartitionId, Publication, Publisher, PublishOutcome } from '../ports.ts';
import { refusals } from '../refusals.ts';
import { unavailable, wasNotDone } from './connection.ts';
import { type HeldPublication, HeldPublications } from './held-publications.ts';
import type { Keys } from './keys.ts';
import { runScript } from './scripts.ts';
import type { Timeline } from './timeline.ts';

/** Bounds of one script call: Redis does nothing else meanwhile. */
const MAX_BATCH = 256;
const MAX_BATCH_CHARS = 1_000_000;

/** How many replicas have to have a message before it is accepted. */
export interface ReplicaPolicy {
  /** 0: none. */
  readonly count: number;
  /** After this the outcome is unknown. */
  readonly timeoutMs: number;
}

interface Waiting {
  readonly publication: Publication;
  readonly settle: (outcome: PublishOutcome) => void;
}

/** Collects the publishes of one event-loop turn and sends one script call per partition. */
export class RedisPublisher implements Publisher {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #limits: BrokerLimits;
  readonly #partitionOf: (publication: Publication) => PartitionId;
  readonly #timeline: Timeline;
  readonly #replicas: ReplicaPolicy;
  readonly #held: readonly HeldPublications[];
  #waiting = new Map<PartitionId, Waiting[]>();
  #scheduled = false;

  constructor(
    redis: Redis,
    keys: Keys,
    limits: BrokerLimits,
    partitionOf: (publication: Publication) => PartitionId,
    timeline: Timeline,
    partitions: number,
    replicas: ReplicaPolicy,
  ) {
    this.#replicas = replicas;
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
    this.#partitionOf = partitionOf;
    this.#timeline = timeline;
    this.#held = Array.from({ length: partitions }, () => new HeldPublications());
  }

  async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    if (publications.length === 1) return [await this.#enqueue(publications[0]!)];
    return await Promise.all(publications.map((publication) => this.#enqueue(publication)));
  }

  #enqueue(publication: Publication): Promise<PublishOutcome> {
    const { promise, resolve } = Promise.withResolvers<PublishOutcome>();
    const partition = this.#partitionOf(publication);
    const list = this.#waiting.get(partition);
    if (list === undefined) this.#waiting.set(partition, [{ publication, settle: resolve }]);
    else list.push({ publication, settle: resolve });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    }
    return promise;
  }

  #flush(): void {
    if (this.#replicas.count > 0) {
      void this.#flushToReplicas(this.#replicas);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = new Map();
    this.#scheduled = false;
    for (const [partition, list] of waiting)
      for (const batch of batches(list)) void this.#send(partition, batch);
  }

  /**
   * As `#flush`, and answers when the replicas have it. One WAIT at a time, for all that was sent before it: whatever comes meanwhile is the
   * next flush, and heartbeats get their turn on the connection.
   */
  async #flushToReplicas({ count, timeoutMs }: ReplicaPolicy): Promise<void> {
    while (this.#waiting.size > 0) {
      const waiting = this.#waiting;
      this.#waiting = new Map();
      const sent = [...waiting].flatMap(([partition, list]) =>
        [...batches(list)].map(async (batch) => ({
          batch,
          outcomes: await this.#outcomesOf(partition, batch),
        })),
      );
      const acked = await this.#redis.wait(count, timeoutMs).catch(() => 0); // then the calls before it have failed, too
      for (const { batch, outcomes } of await Promise.all(sent))
        for (const [i, { settle }] of batch.entries()) settle(replicated(outcomes[i]!, acked, count));
    }
    this.#scheduled = false;
  }

  /** What a partition accepted after `writesKept` writes, as far as it is still held here. Not held any longer. */
  takeLost(partition: PartitionId, writesKept: number): readonly HeldPublication[] {
    return this.#held[partition]!.takeAfter(writesKept);
  }

  /** Publishes again, in order, although publishing is closed. */
  async append(items: readonly HeldPublication[]): Promise<readonly PublishOutcome[]> {
    const outcomes: PublishOutcome[] = [];
    for (const { publication } of items) {
      const partition = this.#partitionOf(publication);
      outcomes.push(...(await this.#call(partition, [{ publication, settle: () => undefined }])));
    }
    return outcomes;
  }

  async #send(partition: PartitionId, batch: readonly Waiting[]): Promise<void> {
    const outcomes = await this.#outcomesOf(partition, batch);
    for (const [i, { settle }] of batch.entries()) settle(outcomes[i]!);
  }

  async #outcomesOf(partition: PartitionId, batch: readonly Waiting[]): Promise<readonly PublishOutcome[]> {
    if (this.#timeline.isOpen) return await this.#call(partition, batch);
    const refusal = refusals.unavailable(undefined);
    return batch.map(() => refusal);
  }

  async #call(partition: PartitionId, batch: readonly Waiting[]): Promise<readonly PublishOutcome[]> {
    try {
      const reply = await runScript(
        this.#redis,
        'publish',
        this.#keys.base(partition),
        this.#arguments(batch),
      );
      const outcomes = this.#outcomes(batch, reply as readonly (number | string)[]);
      this.#hold(partition, Number((reply as readonly (number | string)[])[0]), batch, outcomes);
      return outcomes;
    } catch (error) {
      const refusal = wasNotDone(error) ? refusals.unavailable(unavailable(error)) : refusals.unknown(error);
      return batch.map(() => refusal);
    }
  }

  #hold(
    partition: PartitionId,
    count: number,
    batch: readonly Waiting[],
    outcomes: readonly PublishOutcome[],
  ): void {
    this.#timeline.saw(partition, count);
    const items: HeldPublication[] = [];
    for (const [i, outcome] of outcomes.entries())
      if (outcome.status === 'accepted' && !outcome.duplicate)
        items.push({ publication: batch[i]!.publication, outcome });
    if (items.length > 0) this.#held[partition]!.add(count, items, performance.now());
  }

  #arguments(batch: readonly Waiting[]): readonly (string | number)[] {
    const { logMaxEntries, feedMaxEntries, producerWindow, producerTtlMs, channelIdleTtlMs } = this.#limits;
    const args: (string | number)[] = [
      makeEpoch(),
      logMaxEntries,
      feedMaxEntries,
      producerWindow,
      producerTtlMs,
      channelIdleTtlMs,
    ];
    for (const { publication } of batch) {
      const { channel, id, record, keeping, storedTo = '', dedupe } = publication;
      args.push(
        channel,
        id,
        record,
        keeping.history?.maxMessages ?? 0,
        keeping.history?.ttlMs ?? 0,
        keeping.durable ? 1 : 0,
        storedTo,
      );
      if (dedupe === undefined) args.push('', '', 0, 0, 0);
      else if (dedupe.kind === 'producer')
        args.push('p', dedupe.producer, dedupe.seq, dedupe.prev, dedupe.fingerprint);
      else args.push('k', dedupe.key, dedupe.ttlMs, 0, dedupe.fingerprint);
    }
    return args;
  }

  #outcomes(batch: readonly Waiting[], reply: readonly (number | string)[]): readonly PublishOutcome[] {
    return batch.map(({ publication }, i) =>
      this.#outcome(
        publication,
        reply[i * 4 + 1] as number,
        reply[i * 4 + 2]!,
        reply[i * 4 + 3]!,
        reply[i * 4 + 4]!,
      ),
    );
  }

  /** The codes are those of publish.lua. */
  #outcome(
    { dedupe }: Publication,
    code: number,
    a: number | string,
    b: number | string,
    c: number | string,
  ): PublishOutcome {
    if (code <= 1)
      return { status: 'accepted', epoch: String(a), seq: Number(b), id: String(c), duplicate: code === 1 };
    const [seq, prev] = dedupe?.kind === 'producer' ? [dedupe.seq, dedupe.prev] : [0, 0];
    if (code === 2) return refusals.outOfOrder(Number(a), seq, prev);
    if (code === 3) return refusals.conflict(seq);
    if (code === 4) return refusals.windowPassed(seq, Number(a), this.#limits.producerWindow);
    return code === 5 ? refusals.keyConflict() : refusals.logFull(this.#limits.logMaxEntries);
  }
}

/** The primary has it, too few replicas say that they have it: a failover now could lose it. */
function replicated(outcome: PublishOutcome, acked: number, wanted: number): PublishOutcome {
  if (outcome.status === 'refused' || acked >= wanted) return outcome;
  return refusals.unknown(new Error(`${acked} of ${wanted} replicas have it`));
}

function* batches(list: readonly Waiting[]): Generator<readonly Waiting[]> {
  let batch: Waiting[] = [];
  let chars = 0;
  for (const waiting of list) {
    if (
      batch.length > 0 &&
      (batch.length >= MAX_BATCH || chars + waiting.publication.record.length > MAX_BATCH_CHARS)
    ) {
      yield batch;
      batch = [];
      chars = 0;
    }
    batch.push(waiting);
    chars += waiting.publication.record.length;
  }
  yield batch;
}
