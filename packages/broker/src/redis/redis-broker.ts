import { connectionOptions, readRedisAddress } from '@carillon/redis';
import type { Broker } from '../ports.ts';
import { createClusterBroker } from './cluster/cluster-broker.ts';
import { Keys } from './keys.ts';
import type { RedisBrokerOptions } from './redis-broker-options.ts';
import { createRedisPart } from './redis-part.ts';

/** Redis does the work of all partitions with one thread: more of them pay only on Redis Cluster, or for more than one busy router. */
const DEFAULT_PARTITIONS = 1;
const DEFAULT_PREFIX = 'carillon';

/** The broker of real installations: everything about a partition lies in one slot of Redis. */
export function createRedisBroker(options: RedisBrokerOptions): Broker {
  const { prefix = DEFAULT_PREFIX, partitions = DEFAULT_PARTITIONS } = options;
  const address = readRedisAddress(options.url, options.tls);
  if (address.kind === 'cluster') return createClusterBroker({ ...options, address, prefix, partitions });
  const keys = new Keys(prefix);
  const way = connectionOptions(address, { key: keys.base(0) });
  return createRedisPart({ ...options, keys, partitions, allPartitions: partitions, way });
}
