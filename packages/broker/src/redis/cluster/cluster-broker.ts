import { type ClusterAddress, ClusterNodes, connectionOptions } from '@carillon/redis';
import type { Logger } from '@carillon/telemetry';
import { partitionOf } from '../../partition.ts';
import type {
  Broker,
  BrokerStatus,
  ChannelKey,
  ColdHistory,
  HotHistory,
  PartitionId,
  Publisher,
  PublishOutcome,
} from '../../ports.ts';
import { createPartitionBroker } from '../partition-broker.ts';
import type { RedisBrokerOptions } from '../redis-broker-options.ts';
import { ClusterFeed } from './cluster-feed.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { ClusterLog } from './cluster-log.ts';
import { ClusterReconciliation } from './cluster-reconciliation.ts';
import { ClusterRouterPort } from './cluster-router-port.ts';
import { Parts } from './parts.ts';

export interface ClusterBrokerOptions extends RedisBrokerOptions {
  readonly address: ClusterAddress;
  readonly prefix: string;
  readonly partitions: number;
}

/**
 * A broker of parts: each partition has its own connections, to whichever node has its slot, and notices for itself what that node lost. What
 * belongs to no partition lies with partition 0. docs/adr/0010-redis-cluster.md tells why.
 */
export function createClusterBroker(options: ClusterBrokerOptions): Broker {
  const { partitions, logger } = options;
  const parts = new Parts(createParts(options), logger);
  const home = parts.of(0);
  const ofChannel = (channel: ChannelKey): number => partitionOf(channel, partitions);
  const partOf = (channel: ChannelKey): Broker => parts.of(ofChannel(channel));
  return {
    partitions,
    partitionOf: ofChannel,
    publisher: publisherOf(partOf),
    history: historyOf(partOf),
    cold: coldOf(parts, partOf),
    acks: {
      open: (channel, ...rest) => partOf(channel).acks.open(channel, ...rest),
      ack: (channel, ...rest) => partOf(channel).acks.ack(channel, ...rest),
      find: (channel, ...rest) => partOf(channel).acks.find(channel, ...rest),
      list: (channel) => partOf(channel).acks.list(channel),
    },
    log: new ClusterLog(parts, logger),
    reconciliation: new ClusterReconciliation(parts, ofChannel),
    router: new ClusterRouterPort(parts, ofChannel, logger),
    requests: (node, answer) => home.requests(node, answer),
    control: (identity, describe) => home.control(identity, describe),
    feed: (gateway) =>
      new ClusterFeed(
        gateway,
        parts.all.map((part) => part.feed(gateway)),
        ofChannel,
      ),
    start: async (signal) => {
      tellOfOnePartition(partitions, logger);
      // The first part knows the number of partitions: with another one nothing else may be touched.
      await home.start(signal);
      await Promise.all(parts.all.slice(1).map((part) => part.start(signal)));
    },
    stop: async () => {
      await parts.each((part) => part.stop());
    },
    nowMs: () => home.nowMs(),
    status: () => statusOf(parts),
  };
}

function createParts(options: ClusterBrokerOptions): readonly Broker[] {
  const { address, prefix, partitions, logger } = options;
  const nodes = new ClusterNodes(address, options.connectTimeoutMs);
  return Array.from({ length: partitions }, (_, partition) => {
    const keys = new ClusterKeys(prefix, partition, partitions);
    return createPartitionBroker({
      ...options,
      keys,
      partitions: 1,
      allPartitions: partition === 0 ? partitions : undefined,
      way: connectionOptions(address, { key: keys.base(0), nodes }),
      logger: loggerOf(logger, partition),
    });
  });
}

/** A part counts its one partition as 0: what it logs names the partition of the installation. */
function loggerOf(logger: Logger, partition: PartitionId): Logger {
  const log = (fields: object): object =>
    'partitions' in fields ? { ...fields, partitions: [partition] } : { ...fields, partition };
  return logger.child({}, { formatters: { log } });
}

function tellOfOnePartition(partitions: number, logger: Logger): void {
  if (partitions === 1)
    logger.warn(
      'one partition uses one node of the Redis Cluster: set CARILLON_PARTITIONS to the number of primaries, or a small multiple, before the first start',
    );
}

function publisherOf(partOf: (channel: ChannelKey) => Broker): Publisher {
  const send: Publisher['send'] = (publication, settle) =>
    partOf(publication.channel).publisher.send(publication, settle);
  return {
    send,
    publish: (publications) =>
      Promise.all(
        publications.map(
          (publication) => new Promise<PublishOutcome>((resolve) => send(publication, resolve)),
        ),
      ),
  };
}

function historyOf(partOf: (channel: ChannelKey) => Broker): HotHistory {
  return {
    range: (channel, query) => partOf(channel).history.range(channel, query),
    latest: (channel, query) => partOf(channel).history.latest(channel, query),
    ended: (channel, query) => partOf(channel).history.ended(channel, query),
  };
}

function coldOf(parts: Parts, partOf: (channel: ChannelKey) => Broker): ColdHistory {
  return {
    ask: (gateway, query, timeoutMs) => partOf(query.channel).cold.ask(gateway, query, timeoutMs),
    serve: async (answer, signal) => {
      await parts.each((part) => part.cold.serve(answer, signal));
    },
  };
}

/** Ready while there is a partition that can be used: the channels of the others are refused, which sending clients away doesn't mend. */
async function statusOf(parts: Parts): Promise<BrokerStatus> {
  const all = await parts.each((part) => part.status());
  const problems = Map.groupBy(
    all.flatMap((status, partition) => status.problems.map((problem) => ({ problem, partition }))),
    ({ problem }) => problem,
  );
  return {
    kind: 'redis',
    ready: all.some(({ ready }) => ready),
    problems: [...problems].map(([problem, where]) => {
      const list = where.map(({ partition }) => partition).join(', ');
      return `${where.length === 1 ? 'partition' : 'partitions'} ${list}: ${problem}`;
    }),
  };
}
