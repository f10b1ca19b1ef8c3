export {
  type ClusterAddress,
  type Endpoint,
  type RedisAddress,
  type RedisTls,
  readRedisAddress,
  type SentinelAddress,
  type SingleAddress,
} from './address.ts';
export { ClusterNodes } from './cluster-nodes.ts';
export {
  connectionFault,
  describeRedisFault,
  RedisConnectionError,
  watchConnection,
} from './connection-fault.ts';
export { connectionOptions, isElsewhere, type RedisPlace, type RedisWay } from './connection-options.ts';
export { type SentinelNews, Sentinels, type SentinelsOptions } from './sentinels.ts';
export { partitionTag, slotOf } from './slots.ts';
export { verifyDatabase } from './verify-database.ts';
