import { connectionOptions, type RedisWay, readRedisAddress, Sentinels } from '@carillon/redis';
import { RepeatedLog } from '@carillon/telemetry';
import type { Redis } from 'ioredis';
import {
  type ControlNode,
  FORGET_NODE_MS,
  MAX_NODES,
  type NodeDirectory,
  type NodeDirectoryPage,
  type NodeIdentity,
  type NodeQuery,
  type NodeStatus,
} from '../control.ts';
import { RequestedControl } from '../control-node.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Broker } from '../ports.ts';
import { ClusterKeys } from './cluster/cluster-keys.ts';
import { connect, unavailable } from './connection.ts';
import { Connections } from './connections.ts';
import { Keys } from './keys.ts';
import type { RedisBrokerOptions } from './redis-broker-options.ts';
import { RedisRequests, type RedisRequestsDependencies } from './requests-redis.ts';
import { runScript } from './scripts.ts';

const BLOCKING_COMMAND_TIMEOUT_MS = 8000;

/** The nodes of an installation, in one slot. */
class RedisNodeDirectory implements NodeDirectory {
  readonly #redis: Redis;
  readonly #base: string;

  constructor(redis: Redis, base: string) {
    this.#redis = redis;
    this.#base = base;
  }

  async announce({ node, service }: NodeIdentity, status: string): Promise<boolean> {
    const args = [node, service, status, FORGET_NODE_MS, MAX_NODES];
    return (await runScript(this.#redis, 'control-announce', this.#base, args)) === 1;
  }

  async list({ service = '', after = '', limit }: NodeQuery): Promise<NodeDirectoryPage> {
    const args = [service, after, limit, FORGET_NODE_MS];
    const reply = await runScript(this.#redis, 'control-nodes', this.#base, args).catch((error: unknown) => {
      throw unavailable(error);
    });
    const [nowMs, more, ...values] = reply as [number, number, ...string[]];
    const entries = Array.from({ length: values.length / 4 }, (_, i) => {
      const [node, kind, seen, status] = values.slice(4 * i, 4 * i + 4) as [string, string, string, string];
      return { node, service: kind, status, lastSeenMs: Number(seen), silentMs: nowMs - Number(seen) };
    });
    return { entries, more: more === 1 };
  }

  async leave(node: string): Promise<void> {
    const pipeline = this.#redis.pipeline();
    pipeline.zrem(`${this.#base}seen`, node);
    pipeline.hdel(`${this.#base}services`, node);
    pipeline.hdel(`${this.#base}statuses`, node);
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  }
}

export interface RedisControlDependencies extends Omit<RedisRequestsDependencies, 'keys'> {
  readonly keys: Pick<Keys, 'control'>;
}

export function redisControl(
  identity: NodeIdentity,
  describe: () => Promise<NodeStatus>,
  deps: RedisControlDependencies,
): ControlNode {
  const base = deps.keys.control();
  const keys = { requests: () => base, inbox: (node: string) => `${base}i:${node}` };
  const { logger } = deps;
  const log = new RepeatedLog(logger);
  return new RequestedControl({
    identity,
    describe,
    directory: new RedisNodeDirectory(deps.redis, base),
    requests: (node, answer) => new RedisRequests(node, answer, { ...deps, keys }),
    heartbeatMs: deps.limits.gatewayHeartbeatMs,
    onTrouble: (fields, text) => log.warn(fields, text),
  });
}

/** Control port of a service that only observes and sends commands: no partitions, no messages. */
export interface ControlBroker extends Pick<Broker, 'control' | 'stop'> {
  /** Connects, now or when Redis is there; nothing is waited for. */
  begin(): void;
}

/** The control port alone: two connections, whatever the number of partitions. */
export function createRedisControl(options: Omit<RedisBrokerOptions, 'partitions'>): ControlBroker {
  const { prefix = 'carillon', logger } = options;
  const address = readRedisAddress(options.url, options.tls);
  const sentinels = address.kind === 'sentinel' ? new Sentinels(address, {}) : undefined;
  // The slot of partition 0 is the same for every number of partitions.
  const keys = address.kind === 'cluster' ? new ClusterKeys(prefix, 0, 1) : new Keys(prefix);
  const way: RedisWay = connectionOptions(address, {
    key: keys.control(),
    ...(sentinels !== undefined && { sentinels }),
  });
  const errors = new RepeatedLog(logger);
  const onError = (error: Error): void => errors.warn({ err: error }, 'trouble with the connection to Redis');
  const connections = new Connections(onError, sentinels);
  const connecting = { ...options, way, onErrorReply: (error: Error) => connections.onErrorReply(error) };
  const redis = connections.add(connect(connecting, 'control', onError));
  const openReader = (): Redis =>
    connections.add(
      connect({ ...connecting, commandTimeoutMs: BLOCKING_COMMAND_TIMEOUT_MS }, 'control-reader', onError),
    );
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  return {
    control: (identity, describe) =>
      redisControl(identity, describe, { redis, openReader, keys, limits, logger }),
    // The `error` event reports what fails, and it is tried again.
    begin: () => void redis.connect().catch(() => undefined),
    stop: async () => {
      redis.disconnect();
      sentinels?.close();
    },
  };
}
