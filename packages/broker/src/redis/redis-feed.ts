import type { Logger } from '@carillon/telemetry';
import { RepeatedLog } from '@carillon/telemetry';
import type { Redis } from 'ioredis';
import { makeEpoch } from '../epoch.ts';
import type { Lineage } from '../lineage.ts';
import type {
  BrokerLimits,
  ChannelKey,
  FeedHandler,
  GatewayFeed,
  PartitionId,
  StoredQuestion,
} from '../ports.ts';
import { CHANNELS_PER_CALL, ChannelCalls } from './channel-calls.ts';
import { unavailable, untilReady } from './connection.ts';
import { FeedReader } from './feed-reader.ts';
import type { GenerationGuard } from './generation-guard.ts';
import type { Keys } from './keys.ts';
import { PipelinedConnection } from './pipelined/pipelined-connection.ts';
import type { PushReceiver } from './pushes.ts';
import type { Republisher } from './republisher.ts';
import { runScript } from './scripts.ts';

/** A read waits two seconds by itself. */
const READ_TIMEOUT_MS = 8000;
/** Bound of the channels' wait for unread feed records of an earlier generation. */
const UNREAD_PATIENCE_MS = 1000;

export interface RedisFeedDependencies {
  readonly redis: Redis;
  /** A connection of the reader's own: it blocks. */
  readonly openReader: () => Redis;
  /** Resolves when whatever is pushed from now on reaches the receiver. */
  readonly receivePushes: (receiver: PushReceiver, signal: AbortSignal) => Promise<void>;
  readonly endPushes: (receiver: PushReceiver) => void;
  readonly keys: Keys;
  readonly limits: BrokerLimits;
  readonly partitions: number;
  readonly partitionOf: (channel: ChannelKey) => PartitionId;
  readonly onColdAnswer: (answer: string) => void;
  readonly guard: GenerationGuard;
  readonly originalOf: Republisher['originalOf'];
  /** Told of errors that Redis answers. */
  readonly onErrorReply: (error: Error) => void;
  readonly logger: Logger;
}

/** A gateway's place in the routing table, its heartbeats, and the loop that reads its feeds. */
export class RedisFeed implements GatewayFeed {
  readonly gateway: string;
  readonly #deps: RedisFeedDependencies;
  readonly #calls: ChannelCalls;
  readonly #log: RepeatedLog;
  readonly #stopping = new AbortController();
  #handler: FeedHandler | undefined;
  #reader: FeedReader | undefined;
  #readerConnection: Redis | undefined;
  #receiver: PushReceiver | undefined;
  #isStarted = false;
  /** Of the connections that messages come on: the reader's, and the one for what is pushed. */
  readonly #up = { feeds: true, pushes: true };
  #heartbeat: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();

  constructor(gateway: string, deps: RedisFeedDependencies) {
    this.gateway = gateway;
    this.#deps = deps;
    this.#calls = new ChannelCalls(deps);
    this.#log = new RepeatedLog(deps.logger);
  }

  async start(handler: FeedHandler): Promise<void> {
    const { openReader, keys, partitions, onColdAnswer, guard } = this.#deps;
    const connection = openReader();
    this.#handler = this.#withMoved(handler);
    this.#readerConnection = connection;
    const reader = new FeedReader(keys, this.gateway, {
      partitions,
      handler: this.#handler,
      onColdAnswer,
      onCount: (partition, count) => guard.saw(partition, count),
    });
    this.#reader = reader;
    const wire = new PipelinedConnection({
      redis: connection,
      replyTimeoutMs: READ_TIMEOUT_MS,
      onError: (error) => this.#readingFailed(error),
      onReady: () => this.#connected(wire),
    });
    const receiver: PushReceiver = {
      channels: reader.channels,
      onPush: reader.takePush,
      onRenewed: () => this.#pushedAgain(),
      onLost: () => this.#turned('pushes', false),
    };
    this.#receiver = receiver;
    await untilReady(connection, this.#stopping.signal);
    await wire.untilReady(this.#stopping.signal);
    // Pushes are received before registering: nothing falls between the state that registering returns and the feed.
    await this.#deps.receivePushes(receiver, this.#stopping.signal);
    await this.#register(this.#allPartitions());
    await guard.join({
      gateway: this.gateway,
      readUpTo: (partition) => this.#reader!.lastId(partition),
      latestEpoch: () => this.#reader!.latestEpoch,
      rejoin: (raised) => this.#rejoin(raised),
      dataLost: (lost) => handler.onDataLost(lost),
    });
    handler.onConnection(true);
    connection.on('close', () => {
      this.#turned('feeds', false);
      // A server that becomes a replica ends what waits: it may come back as a primary with other data.
      guard.verifyAgain();
    });
    this.#isStarted = true;
    if (wire.isReady) this.#read(wire);
    this.#heartbeat = setInterval(() => {
      this.#beating = this.#beat();
    }, this.#deps.limits.gatewayHeartbeatMs);
  }

  async subscribe(channels: readonly ChannelKey[]): Promise<readonly Lineage[]> {
    const { limits } = this.#deps;
    const call = async (partition: PartitionId, chunk: readonly ChannelKey[]): Promise<unknown> =>
      this.#run('subscribe', partition, [limits.directLaneMaxGateways, makeEpoch(), ...chunk]);
    const lineages = await this.#calls.lineages(channels, async (partition, chunk) => {
      const reply = await call(partition, chunk);
      if (reply !== 0) return reply as readonly unknown[];
      await this.#interestLost([partition]);
      return (await call(partition, chunk)) as readonly unknown[];
    });
    return lineages.map((lineage) => {
      this.#reader?.saw(lineage!.epoch);
      return lineage!;
    });
  }

  async unsubscribe(channels: readonly ChannelKey[]): Promise<void> {
    await this.#calls.each(channels, async (partition, chunk) => {
      await this.#run('unsubscribe', partition, [this.#deps.limits.channelIdleTtlMs, ...chunk]);
    });
  }

  positions(channels: readonly ChannelKey[]): Promise<readonly (Lineage | undefined)[]> {
    return this.#calls.positions(channels);
  }

  seal(channels: readonly ChannelKey[]): Promise<void> {
    return this.#calls.seal(channels);
  }

  askStored(questions: readonly StoredQuestion[]): Promise<void> {
    return this.#calls.askStored(this.gateway, questions);
  }

  async untilSettled(channel: ChannelKey, timeoutMs: number): Promise<boolean> {
    const { guard, partitionOf } = this.#deps;
    const partition = partitionOf(channel);
    return await guard.untilSettled(partition, guard.generationOf(partition) ?? '', timeoutMs);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#heartbeat);
    await this.#beating;
    this.#reader?.stop();
    if (this.#receiver !== undefined) this.#deps.endPushes(this.#receiver);
    this.#readerConnection?.disconnect();
    await Promise.all(this.#allPartitions().map((partition) => this.#leave(partition)));
  }

  #allPartitions(): readonly PartitionId[] {
    return Array.from({ length: this.#deps.partitions }, (_, partition) => partition);
  }

  #run(
    name: 'subscribe' | 'unsubscribe' | 'register' | 'heartbeat' | 'leave',
    partition: PartitionId,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return runScript(this.#deps.redis, name, this.#deps.keys.base(partition), [this.gateway, ...args]).catch(
      (error: unknown) => Promise.reject(unavailable(error)),
    );
  }

  /** @returns for each partition the entry of its feed that marks this registration */
  async #register(partitions: readonly PartitionId[]): Promise<readonly string[]> {
    const reader = this.#reader!;
    return await Promise.all(
      partitions.map(async (partition) => {
        const reply = await this.#run('register', partition, [reader.lastId(partition)]);
        const [after, mark] = reply as readonly [string, string];
        reader.startAfter(partition, after);
        return mark;
      }),
    );
  }

  /** A message that was published again is stored at another place than its publisher was told. */
  #withMoved(handler: FeedHandler): FeedHandler {
    return {
      onMessage: (channel, epoch, seq, record) => handler.onMessage(channel, epoch, seq, record),
      onStored: (channel, epoch, seq) => {
        handler.onStored(channel, epoch, seq);
        const original = this.#deps.originalOf(channel, epoch, seq);
        if (original !== undefined) handler.onStored(channel, original.epoch, original.seq);
      },
      onBatchEnd: () => handler.onBatchEnd(),
      onInterestLost: (partitions) => handler.onInterestLost(partitions),
      onDataLost: (partitions) => handler.onDataLost(partitions),
      onConnection: (up) => handler.onConnection(up),
    };
  }

  async #interestLost(partitions: readonly PartitionId[]): Promise<void> {
    await this.#register(partitions);
    this.#deps.logger.warn(
      { gateway: this.gateway, partitions },
      'this gateway was not in the routing table any more: subscribing its channels again',
    );
    this.#handler!.onInterestLost(partitions);
  }

  /** The partitions have a new generation: the channels are subscribed anew, when what the feeds still hold of the old one was read. */
  async #rejoin(partitions: readonly PartitionId[]): Promise<void> {
    const marks = await this.#register(partitions);
    await Promise.all(
      partitions.map((partition, i) => this.#reader!.untilRead(partition, marks[i]!, UNREAD_PATIENCE_MS)),
    );
    this.#handler!.onInterestLost(partitions);
  }

  async #beat(): Promise<void> {
    const { guard } = this.#deps;
    try {
      const partitions = this.#allPartitions();
      const replies = (await Promise.all(
        partitions.map((partition) => this.#run('heartbeat', partition, [this.#reader!.lastId(partition)])),
      )) as readonly (readonly [number, string, string])[];
      const lost = partitions.filter(
        (partition, i) =>
          replies[i]![0] === 0 && String(replies[i]![1]) === (guard.generationOf(partition) ?? ''),
      );
      if (lost.length > 0) await this.#interestLost(lost);
      for (const [i, [, generation, lossy]] of replies.entries())
        guard.observe(partitions[i]!, String(generation), String(lossy));
    } catch (error) {
      this.#log.warn({ err: error }, 'the heartbeat of this gateway failed');
    }
  }

  /** Connected again: the feeds are read on. */
  #connected(wire: PipelinedConnection): void {
    this.#turned('feeds', true);
    if (this.#isStarted) this.#read(wire);
  }

  /** Messages pushed during the interruption were not received. */
  #pushedAgain(): void {
    this.#turned('pushes', true);
    if (this.#isStarted) this.#handler!.onInterestLost(this.#allPartitions());
  }

  /** Messages come only when both connections are up. */
  #turned(connection: 'feeds' | 'pushes', up: boolean): void {
    const before = this.#up.feeds && this.#up.pushes;
    this.#up[connection] = up;
    const after = this.#up.feeds && this.#up.pushes;
    if (this.#isStarted && after !== before) this.#handler!.onConnection(after);
  }

  #read(wire: PipelinedConnection): void {
    this.#reader!.read(wire, (error) => this.#readingFailed(error));
  }

  #readingFailed(error: Error): void {
    if (this.#stopping.signal.aborted) return;
    this.#deps.onErrorReply(error);
    this.#log.warn({ err: error }, 'reading the feeds failed; they are read on from the same place');
  }

  async #leave(partition: PartitionId): Promise<void> {
    try {
      while (
        (await this.#run('leave', partition, [CHANNELS_PER_CALL, this.#deps.limits.channelIdleTtlMs])) === 0
      );
    } catch (error) {
      this.#log.warn(
        { err: error, partition },
        'could not leave the routing table; the router will clean up',
      );
    }
  }
}
