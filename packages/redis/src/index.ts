export {
  type ClusterAddress,
  type Endpoint,
  type RedisAddress,
  readRedisAddress,
  type SentinelAddress,
} from './address.ts';
export { ClusterNodes } from './cluster-nodes.ts';
export { connectionOptions, isElsewhere, type RedisPlace, type RedisWay } from './connection-options.ts';
export { partitionTag, slotOf } from './slots.ts';
