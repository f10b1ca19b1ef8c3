import type { RedisWay, Sentinels } from '@carillon/redis';
import { RepeatedLog } from '@carillon/telemetry';
import type { Redis } from 'ioredis';
import { DEFAULT_LIMITS } from '../limits.ts';
import { partitionOf } from '../partition.ts';
import type { Broker, ChannelKey } from '../ports.ts';
import { agreeOnPartitions } from './agree-on-partitions.ts';
import { connect, connectBare, DEFAULT_COMMAND_TIMEOUT_MS, untilReady } from './connection.ts';
import { Connections } from './connections.ts';
import type { Keys } from './keys.ts';
import { Pushes } from './pushes.ts';
import { RedisAcks } from './redis-acks.ts';
import type { RedisBrokerOptions } from './redis-broker-options.ts';
import { RedisClock } from './redis-clock.ts';
import { RedisColdHistory } from './redis-cold-history.ts';
import { RedisFeed } from './redis-feed.ts';
import { RedisHistory } from './redis-history.ts';
import { RedisLog } from './redis-log.ts';
import { RedisPublisher } from './redis-publisher.ts';
import { RedisRouterPort } from './redis-router-port.ts';
import { redisStatus } from './redis-status.ts';
import { Republisher } from './republisher.ts';
import { RedisRequests } from './requests-redis.ts';
import { Timeline } from './timeline.ts';

/** After so many silent intervals a gateway isn't waited for any longer. */
const HEARTBEATS_UNTIL_DEAD = 4;
/** Blocking reads wait up to this on top of their own time before they count as failed. */
const BLOCKING_COMMAND_TIMEOUT_MS = 8000;

export interface RedisPartOptions extends Omit<RedisBrokerOptions, 'prefix' | 'partitions' | 'url' | 'tls'> {
  readonly keys: Keys;
  /** Of this part. */
  readonly partitions: number;
  /** How to get there. */
  readonly way: RedisWay;
  /** Who names the primary, if they do. */
  readonly sentinels?: Sentinels | undefined;
  /** Of the installation, for the part that says so to all others. */
  readonly allPartitions: number | undefined;
}

/** All that lies on one server: on a single Redis everything, on a cluster one partition. */
export function createRedisPart(options: RedisPartOptions): Broker {
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
  const timeline = new Timeline({
    redis,
    baseOf: (partition) => keys.base(partition),
    partitions,
    patienceMs: HEARTBEATS_UNTIL_DEAD * limits.gatewayHeartbeatMs,
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
    timeline,
    partitions,
    replicas: { count: options.waitReplicas ?? 0, timeoutMs: options.waitTimeoutMs ?? 500 },
  });
  const republisher = new Republisher({
    cold,
    logger: options.logger,
    append: (items, run) => publisher.append(items, run),
  });
  timeline.onBroken = async (broken, gateway, run) => {
    const lost = broken.flatMap(({ partition, writesKept }) => publisher.takeLost(partition, writesKept));
    await republisher.republish(lost, gateway ?? '', run);
  };
  const log = new RedisLog(shared);
  const router = new RedisRouterPort(shared);
  return {
    partitions,
    partitionOf: ofChannel,
    publisher,
    history: new RedisHistory(redis, keys, ofChannel),
    cold,
    acks: new RedisAcks({ ...shared, cold }),
    log,
    router,
    requests: (node, answer) => new RedisRequests(node, answer, shared),
    feed: (gateway) =>
      new RedisFeed(gateway, {
        ...shared,
        openReader: () => connections.add(connectBare(connecting, 'feed', onError)),
        receivePushes: (receiver, signal) => publisher.receive(receiver, signal),
        endPushes: (receiver) => pushes.remove(receiver),
        timeline,
        onColdAnswer: cold.onAnswer,
        originalOf: (...place) => republisher.originalOf(...place),
        onErrorReply: connecting.onErrorReply,
      }),
    start: async (signal) => {
      await untilReady(redis, signal);
      if (allPartitions !== undefined) await agreeOnPartitions(redis, keys, allPartitions);
      await timeline.untilOpen(signal);
      await publisher.start(signal);
      await clock.start();
    },
    stop: async () => {
      log.stop();
      router.stop();
      clock.stop();
      publishing.disconnect();
      redis.disconnect();
      options.sentinels?.close();
    },
    nowMs: () => clock.nowMs(),
    status: () =>
      redisStatus(redis, {
        isVerified: timeline.isOpen,
        failover: failoverOf(options),
        otherProblems: options.sentinels?.problem === undefined ? [] : [options.sentinels.problem],
      }),
  };
}

function failoverOf({ way, sentinels }: RedisPartOptions): 'sentinel' | 'cluster' | undefined {
  if (sentinels !== undefined) return 'sentinel';
  return way.Connector === undefined ? undefined : 'cluster';
}
