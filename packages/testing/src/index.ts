export { type Backend, chooseBackend, findChromium, findProgram } from './backend.ts';
export { type Certificates, makeCertificates } from './certificates.ts';
export { type EventuallyOptions, eventually } from './eventually.ts';
export { freePort } from './free-port.ts';
export {
  HOSTILE_ANSWER_NAMES,
  HOSTILE_ANSWERS,
  type HostileAnswer,
  type HostilePeer,
  startHostilePeer,
} from './hostile-peer.ts';
export { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts';
export { type PgBouncerOptions, startPgBouncer, type TestPgBouncer } from './pgbouncer.ts';
export { startPostgres, type TestPostgres } from './postgres.ts';
export { type Heal, refuseInserts, slowInserts } from './postgres-faults.ts';
export { descendantsOf, isAlive } from './process-tree.ts';
export { missingPrometheus, startPrometheus, type TestPrometheus } from './prometheus.ts';
export { type RedisOptions, startRedis, type TestRedis } from './redis.ts';
export {
  type ClusterNode,
  type RedisCluster,
  type RedisClusterOptions,
  startRedisCluster,
} from './redis-cluster.ts';
export { type CommandTarget, redisCommand } from './redis-command.ts';
export { type RedisPair, startRedisPair } from './redis-pair.ts';
export {
  type SentinelledRedis,
  type SentinelOptions,
  startSentinelledRedis,
  stopReplication,
  type TestSentinel,
} from './redis-sentinel.ts';
export { type ProcessOptions, ServerProcess, startProcess } from './server-process.ts';
export { type StartingOptions, whileStarting } from './starting-program.ts';
export { type ProxyDirection, startTcpProxy, type TcpProxy, type TcpProxyOptions } from './tcp-proxy.ts';
