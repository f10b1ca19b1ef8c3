import type { RedisWay, Sentinels } from '@carillon/redis';
import { RepeatedLog } from '@carillon/telemetry';
import type { Redis } from 'ioredis';
import { DEFAULT_LIMITS } from '../limits.ts';
import { partitionOf } from '../partition.ts';
import type { Broker, ChannelKey } from '../ports.ts';
import { agreeOnPartitions } from './agree-on-partitions.ts';
import { connect, connectBare, DEFAULT_COMMAND_TIMEOUT_MS, untilReady } from './connection.ts';
import { Connections } from './connections.ts';
import { GenerationGuard } from './generation-guard.ts';
import type { Keys } from './keys.ts';
import { Pushes } from './pushes.ts';
import { RedisAcks } from './redis-acks.ts';
import type { RedisBrokerOptions } from './redis-broker-options.ts';
import { RedisClock } from './redis-clock.ts';
import { RedisColdHistory } from './redis-cold-history.ts';
import { redisControl } from './redis-control.ts';
import { RedisFeed } from './redis-feed.ts';
import { RedisHistory } from './redis-history.ts';
import { RedisLog } from './redis-log.ts';
import { RedisPublisher } from './redis-publisher.ts';
import { RedisReconciliation } from './redis-reconciliation.ts';
import { RedisRouterPort } from './redis-router-port.ts';
import { redisStatus } from './redis-status.ts';
import { Republisher } from './republisher.ts';
import { RedisRequests } from './requests-redis.ts';

/** Blocking reads wait up to this on top of their own time before they count as failed. */
const BLOCKING_COMMAND_TIMEOUT_MS = 8000;

export interface PartitionBrokerOptions
  extends Omit<RedisBrokerOptions, 'prefix' | 'partitions' | 'url' | 'tls'> {
  readonly keys: Keys;
  /** Of this part. */
  readonly partitions: number;
  /** How to get there. */
  readonly way: RedisWay;
  /** The sentinels that name the primary, if there are any. */
  readonly sentinels?: Sentinels | undefined;
  /** Of the installation, for the part that says so to all others. */
  readonly allPartitions: number | undefined;
}

/** All that lies on one server: on a single Redis everything, on a cluster one partition. */
export function createPartitionBroker(options: PartitionBrokerOptions): Broker {
  const { keys, partitions, allPartitions } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const errors = new RepeatedLog(options.logger);
  const onError = (error: Error): void => errors.warn({ err: error }, 'trouble with the connection to Redis');
  const connections = new Connections(onError, options.sentinels);
  const connecting = { ...options, onErrorReply: (error: Error) => connections.onErrorReply(error) };
  const redis = connections.add(connect(connecting, 'commands', onError));
  const openReader = (): Redis =>
    connections.add(
      connect({ ...connecting, commandTimeoutMs: BLOCKING_COMMAND_TIMEOUT_MS }, 'reader', onError),
    );
  const ofChannel = (channel: ChannelKey): number => partitionOf(channel, partitions);
  const shared = {
    redis,
    openReader,
    keys,
    limits,
    partitions,
    partitionOf: ofChannel,
    logger: options.logger,
  };
  const guard = new GenerationGuard({
    redis,
    baseOf: (partition) => keys.base(partition),
    partitions,
    settlePatienceMs: options.settlePatienceMs ?? 0,
    logger: options.logger,
  });
  const clock = new RedisClock(redis, onError);
  const cold = new RedisColdHistory(shared);
  const publishing = connections.add(connectBare(connecting, 'publish', onError));
  const pushes = new Pushes({ redis: publishing, onError });
  const publisher = new RedisPublisher({
    redis: publishing,
    pushes,
    connections,
    replyTimeoutMs: options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS,
    onError,
    keys,
    limits,
    partitionOf: ({ channel }) => ofChannel(channel),
    guard,
    partitions,
    replicas: { count: options.waitReplicas ?? 0, timeoutMs: options.waitTimeoutMs ?? 500 },
  });
  const reconciliation = new RedisReconciliation({
    redis,
    keys,
    partitions,
    partitionOf: ofChannel,
    news: (timeoutMs) => guard.changes.next(timeoutMs),
    limits,
    append: (partition, publications) => publisher.append(partition, publications, guard.run),
  });
  const republisher = new Republisher({
    guard,
    logger: options.logger,
    heldOf: (partition) => publisher.heldOf(partition),
    lineages: (partition, channels) => reconciliation.states(partition, channels),
    append: (...call) => publisher.append(...call),
  });
  guard.onRaised = (raised, run) => republisher.raised(raised, run);
  const log = new RedisLog({ ...shared, onDataGone: () => guard.verifyAgain() });
  const router = new RedisRouterPort(shared);
  return {
    partitions,
    partitionOf: ofChannel,
    publisher,
    history: new RedisHistory({ redis, keys, partitionOf: ofChannel, limits }),
    cold,
    acks: new RedisAcks({ ...shared, cold }),
    log,
    reconciliation,
    router,
    requests: (node, answer) => new RedisRequests(node, answer, shared),
    control: (identity, describe) => redisControl(identity, describe, shared),
    feed: (gateway) =>
      new RedisFeed(gateway, {
        ...shared,
        openReader: () => connections.add(connectBare(connecting, 'feed', onError)),
        receivePushes: (receiver, signal) => publisher.receive(receiver, signal),
        endPushes: (receiver) => pushes.remove(receiver),
        guard,
        onColdAnswer: cold.onAnswer,
        originalOf: (...place) => republisher.originalOf(...place),
        onErrorReply: connecting.onErrorReply,
      }),
    start: async (signal) => {
      await untilReady(redis, signal);
      if (allPartitions !== undefined) await agreeOnPartitions(redis, keys, allPartitions);
      await guard.untilOpen(signal);
      await publisher.start(signal);
      if (options.startsSettled === true) await guard.untilTakesDurable(signal);
      await clock.start();
    },
    stop: async () => {
      log.stop();
      router.stop();
      clock.stop();
      guard.stop();
      publishing.disconnect();
      redis.disconnect();
      options.sentinels?.close();
    },
    nowMs: () => clock.nowMs(),
    status: () =>
      redisStatus(redis, {
        isVerified: guard.isOpen && guard.takesDurable,
        failover: failoverOf(options),
        otherProblems: options.sentinels?.problem === undefined ? [] : [options.sentinels.problem],
      }),
  };
}

function failoverOf({ way, sentinels }: PartitionBrokerOptions): 'sentinel' | 'cluster' | undefined {
  if (sentinels !== undefined) return 'sentinel';
  return way.Connector === undefined ? undefined : 'cluster';
}
