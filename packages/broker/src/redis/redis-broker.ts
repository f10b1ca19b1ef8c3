import {
  connectionOptions,
  readRedisAddress,
  type SentinelAddress,
  type SentinelNews,
  Sentinels,
} from '@carillon/redis';
import type { Logger } from '@carillon/telemetry';
import type { Broker } from '../ports.ts';
import { createClusterBroker } from './cluster/cluster-broker.ts';
import { Keys } from './keys.ts';
import { createPartitionBroker } from './partition-broker.ts';
import type { RedisBrokerOptions } from './redis-broker-options.ts';

/** Redis does the work of all partitions with one thread: more of them pay only on Redis Cluster, or for more than one busy router. */
const DEFAULT_PARTITIONS = 1;
const DEFAULT_PREFIX = 'carillon';

/** The broker of real installations: everything about a partition lies in one slot of Redis. */
export function createRedisBroker(options: RedisBrokerOptions): Broker {
  const { prefix = DEFAULT_PREFIX, partitions = DEFAULT_PARTITIONS } = options;
  const address = readRedisAddress(options.url, options.tls);
  if (address.kind === 'cluster') return createClusterBroker({ ...options, address, prefix, partitions });
  const keys = new Keys(prefix);
  const part = { ...options, keys, partitions, allPartitions: partitions };
  const place = { key: keys.base(0) };
  if (address.kind === 'single')
    return createPartitionBroker({ ...part, way: connectionOptions(address, place) });
  const sentinels = watchedBy(address, options);
  return createPartitionBroker({
    ...part,
    sentinels,
    way: connectionOptions(address, { ...place, sentinels }),
  });
}

function watchedBy(address: SentinelAddress, { logger, connectTimeoutMs }: RedisBrokerOptions): Sentinels {
  return new Sentinels(address, {
    ...(connectTimeoutMs !== undefined && { timeoutMs: connectTimeoutMs }),
    onNews: (news) => tell(news, logger),
  });
}

function tell(news: SentinelNews, logger: Logger): void {
  if (news.kind === 'moved')
    logger.warn(
      { from: news.from, to: news.to },
      'the sentinels name another primary: connections to the old one were ended, and are made anew',
    );
  else if (news.kind === 'heard') logger.info('a majority of the sentinels answers again');
  else
    logger.warn(
      { faults: news.faults },
      'too few sentinels answer: a failover may be noticed late or not at all; connections are kept meanwhile',
    );
}
