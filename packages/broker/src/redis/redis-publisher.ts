import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { makeEpoch } from '../epoch.ts';
import type { BrokerLimits, PartitionId, Publication, Publisher, PublishOutcome } from '../ports.ts';
import { refusals } from '../refusals.ts';
import { unavailable, untilReady, wasNotDone } from './connection.ts';
import type { Connections } from './connections.ts';
import type { GenerationGuard } from './generation-guard.ts';
import type { Keys } from './keys.ts';
import { PipelinedConnection } from './pipelined/pipelined-connection.ts';
import { command } from './pipelined/resp-command.ts';
import { RedisReplyError, type Reply } from './pipelined/resp-reader.ts';
import { ScriptCalls } from './pipelined/script-calls.ts';
import { type Batch, inBatches, isFull } from './publication-batches.ts';
import { PublishCall } from './publish-call.ts';
import { refusedAll, replicated } from './publish-outcomes.ts';
import type { Pushes, PushReceiver } from './pushes.ts';
import { runOf } from './redis-process.ts';
import { RefusedProducers } from './refused-producers.ts';
import { type HeldPublication, RepublishBuffer } from './republish-buffer.ts';
import { scriptOf } from './scripts.ts';

/** Longest wait for the publisher's own connection before lost messages are given up. */
const APPEND_TIMEOUT_MS = 5000;
const RETRY_MS = 100;
/** Idle time until a ping: a connection that only receives pushes would not notice that its peer is gone. */
const PING_WHEN_SILENT_MS = 2000;

export interface ReplicaPolicy {
  /** 0: none. */
  readonly count: number;
  /** After this the outcome is unknown. */
  readonly timeoutMs: number;
}

export interface RedisPublisherDependencies {
  /** A connection of the publisher's own, not used by anybody else. */
  readonly redis: Redis;
  readonly connections: Connections;
  readonly replyTimeoutMs: number;
  readonly onError: (error: Error) => void;
  readonly keys: Keys;
  readonly limits: BrokerLimits;
  readonly partitionOf: (publication: Publication) => PartitionId;
  readonly guard: GenerationGuard;
  readonly partitions: number;
  readonly replicas: ReplicaPolicy;
  /** Of the same connection. */
  readonly pushes: Pushes;
}

type Settle = (outcome: PublishOutcome) => void;
type SettleAll = (outcomes: readonly PublishOutcome[]) => void;

interface WaitingBatch extends Batch {
  readonly settles: Settle[];
}

/** Collects the publishes of one event-loop turn and sends one script call per partition. */
export class RedisPublisher implements Publisher {
  readonly #deps: RedisPublisherDependencies;
  readonly #wire: PipelinedConnection;
  readonly #call: PublishCall;
  readonly #calls: ScriptCalls;
  readonly #held: readonly RepublishBuffer[];
  /** Redis process that the connection leads to; see {@link GenerationGuard}. */
  #run: string | undefined;
  #waiting = new Map<PartitionId, WaitingBatch[]>();
  #scheduled = false;
  readonly #refused = new RefusedProducers();

  constructor(deps: RedisPublisherDependencies) {
    this.#deps = deps;
    this.#call = new PublishCall(deps.limits);
    this.#held = Array.from({ length: deps.partitions }, () => new RepublishBuffer());
    this.#wire = new PipelinedConnection({
      redis: deps.redis,
      replyTimeoutMs: deps.replyTimeoutMs,
      pingWhenSilentMs: PING_WHEN_SILENT_MS,
      onError: deps.onError,
      prepare: (wire) => this.#prepare(wire),
      onReady: () => deps.pushes.renewed(),
      onPush: (push) => deps.pushes.take(push),
    });
    this.#calls = new ScriptCalls(this.#wire);
  }

  publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return Promise.all(
      publications.map(
        (publication) => new Promise<PublishOutcome>((resolve) => this.send(publication, resolve)),
      ),
    );
  }

  send(publication: Publication, settle: Settle): void {
    const partition = this.#deps.partitionOf(publication);
    let batches = this.#waiting.get(partition);
    if (batches === undefined) {
      batches = [];
      this.#waiting.set(partition, batches);
    }
    let batch = batches.at(-1);
    if (batch === undefined || isFull(batch, publication)) {
      batch = { publications: [], settles: [], chars: 0 };
      batches.push(batch);
    }
    batch.publications.push(publication);
    batch.settles.push(settle);
    batch.chars += publication.record.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  /** Messages that a partition accepted lately through this process. */
  heldOf(partition: PartitionId): RepublishBuffer {
    return this.#held[partition]!;
  }

  /** Resolves when publishes can be sent. */
  async start(signal?: AbortSignal): Promise<void> {
    await untilReady(this.#deps.redis, signal);
    await this.#wire.untilReady(signal);
  }

  /** Resolves when whatever is pushed from now on reaches the receiver. @throws CarillonError UNAVAILABLE when `signal` aborts. */
  receive(receiver: PushReceiver, signal: AbortSignal): Promise<void> {
    return this.#deps.pushes.add(this.#wire, receiver, signal);
  }

  /** Publishes again, in order, although publishing may be closed, on the Redis that `run` names. All of one partition. */
  async append(
    partition: PartitionId,
    publications: readonly Publication[],
    run: string | undefined,
  ): Promise<readonly PublishOutcome[]> {
    if (run === undefined) return refusedAll(publications);
    const deadlineMs = performance.now() + APPEND_TIMEOUT_MS;
    const { guard } = this.#deps;
    const isDue = (): boolean => guard.isLatest(run) && performance.now() < deadlineMs;
    while (!(this.#wire.isReady && this.#run === run) && isDue()) {
      if (this.#wire.isReady) this.#deps.redis.disconnect(true);
      await Promise.race([this.#wire.nextReady(), pause(RETRY_MS)]);
    }
    const generation = guard.generationOf(partition);
    if (this.#run !== run || generation === undefined) return refusedAll(publications);
    const outcomes: PublishOutcome[] = [];
    for (const batch of inBatches(publications))
      outcomes.push(
        ...(await new Promise<readonly PublishOutcome[]>((resolve) =>
          this.#send(partition, generation, batch, resolve),
        )),
      );
    return outcomes;
  }

  /** Publishes on a fresh connection never overtake each other by a script that has to be sent first. */
  async #prepare(wire: PipelinedConnection): Promise<void> {
    this.#run = undefined;
    const [run] = await Promise.all([
      runOf(async (section) => String(await wire.call(command('INFO', section)))),
      wire.call(command('SCRIPT', 'LOAD', scriptOf('publish').source)),
      this.#deps.pushes.prepare(wire),
    ]);
    this.#run = run;
  }

  #flush(): void {
    const { replicas } = this.#deps;
    if (replicas.count > 0) {
      void this.#flushToReplicas(replicas);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = new Map();
    this.#scheduled = false;
    for (const [partition, batches] of waiting)
      for (const { publications, settles } of batches)
        this.#sendWhenOpen(partition, publications, (outcomes) => {
          for (let i = 0; i < settles.length; i++) settles[i]!(outcomes[i]!);
        });
  }

  /**
   * As `#flush`, and answers when the replicas have it. One WAIT at a time, for all that was sent before it: whatever comes meanwhile is the
   * next flush.
   */
  async #flushToReplicas({ count, timeoutMs }: ReplicaPolicy): Promise<void> {
    while (this.#waiting.size > 0) {
      const waiting = this.#waiting;
      this.#waiting = new Map();
      const sent = [...waiting].flatMap(([partition, batches]) =>
        batches.map(async ({ publications, settles }) => ({
          settles,
          outcomes: await new Promise<readonly PublishOutcome[]>((resolve) =>
            this.#sendWhenOpen(partition, publications, resolve),
          ),
        })),
      );
      // When it fails, the calls before it have failed, too.
      const acked = await this.#wire.call(command('WAIT', count, timeoutMs)).catch(() => 0);
      for (const { settles, outcomes } of await Promise.all(sent))
        for (const [i, settle] of settles.entries()) settle(replicated(outcomes[i]!, Number(acked), count));
    }
    this.#scheduled = false;
  }

  #sendWhenOpen(partition: PartitionId, publications: readonly Publication[], settle: SettleAll): void {
    const { guard, connections } = this.#deps;
    const isReady = this.#wire.isReady && !connections.isFailingOver;
    const generation = isReady ? guard.generationFor(this.#run, partition) : undefined;
    if (generation !== undefined) {
      const isSettled = guard.isSettled(partition);
      if (isSettled && this.#refused.isEmpty) this.#send(partition, generation, publications, settle);
      else this.#sendSome(partition, generation, publications, isSettled, settle);
      return;
    }
    // Two connections lead to two processes, after a failover.
    if (isReady && guard.isOpen)
      connections.reconnect('connections to Redis lead to different servers: connecting again');
    this.#refused.note(publications);
    settle(refusedAll(publications));
  }

  /** Durable publishes wait while the database is compared: the first copy of a repeat may be there, and lost in Redis. So does what is behind them. */
  #sendSome(
    partition: PartitionId,
    generation: string,
    publications: readonly Publication[],
    isSettled: boolean,
    settle: SettleAll,
  ): void {
    const waits = publications.map(
      (one) => (one.keeping.durable && !isSettled) || this.#refused.overtakes(one),
    );
    const sent = publications.filter((_, i) => !waits[i]);
    this.#refused.note(publications.filter((_, i) => waits[i]));
    const refusal = refusals.unsettled();
    const all = (outcomes: readonly PublishOutcome[]): void => {
      let at = 0;
      settle(waits.map((isRefused) => (isRefused ? refusal : outcomes[at++]!)));
    };
    if (sent.length === 0) all([]);
    else this.#send(partition, generation, sent, all);
  }

  #send(
    partition: PartitionId,
    generation: string,
    publications: readonly Publication[],
    settle: SettleAll,
  ): void {
    const base = this.#deps.keys.base(partition);
    const onFailure = (error: Error): void => {
      const refusal = wasNotDone(error) ? refusals.unavailable(unavailable(error)) : refusals.unknown(error);
      settle(publications.map(() => refusal));
    };
    const onReply = (reply: Reply): void => {
      if (reply instanceof RedisReplyError) {
        this.#deps.connections.onErrorReply(reply);
        this.#deps.onError(reply); // what Redis refuses, and why, is for the operator: clients are told that it is not reachable
        onFailure(reply);
      } else settle(this.#take(partition, publications, reply));
    };
    this.#calls.make({
      byHash: () => this.#call.byHash({ base, generation, epoch: makeEpoch() }, publications),
      bySource: () => this.#call.bySource({ base, generation, epoch: makeEpoch() }, publications),
      onReply,
      onFailure,
    });
  }

  #take(
    partition: PartitionId,
    publications: readonly Publication[],
    reply: Reply,
  ): readonly PublishOutcome[] {
    const answer = this.#call.read(reply, publications);
    if (answer === undefined) {
      this.#deps.guard.verifyAgain();
      return refusedAll(publications);
    }
    const { count, outcomes } = answer;
    this.#deps.guard.saw(partition, count);
    const items: HeldPublication[] = [];
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i]!;
      if (outcome.status === 'accepted' && !outcome.duplicate)
        items.push({ publication: publications[i]!, outcome });
    }
    if (items.length > 0) this.#held[partition]!.add(items, performance.now());
    return outcomes;
  }
}
