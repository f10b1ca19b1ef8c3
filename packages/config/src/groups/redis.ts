import { group } from '../group.ts';
import { integer, text } from '../kinds.ts';
import { redisUrl } from '../redis-url.ts';
import { required, withDefault } from '../setting.ts';
import { durationMs } from '../units.ts';

export const redisSettings = group({
  title: 'Redis',
  intro:
    'Used by gateway, router, persistence and admin. All services of an installation use the same values.',
  settings: {
    url: required(redisUrl, {
      variable: 'CARILLON_REDIS_URL',
      description:
        'Redis with the message log: one server, some nodes of a Redis Cluster, or the sentinels and their name for the primary. `rediss` instead of `redis` for TLS; user, password and database as in any Redis URL.',
      example: 'redis://localhost:6379/0',
      secrecy: 'url',
    }),
    prefix: withDefault(text(/^[A-Za-z0-9_.-]{1,32}$/, '1..32 characters of A-Z a-z 0-9 _ . -'), 'carillon', {
      variable: 'CARILLON_REDIS_PREFIX',
      description: 'Start of every key, so that installations can share a Redis.',
      example: 'carillon-staging',
    }),
    partitions: withDefault(integer(1, 1024), 1, {
      variable: 'CARILLON_PARTITIONS',
      description:
        'Partitions that channels hash onto; all services of an installation have the same number, for its whole life. 1 is fastest on one Redis. On Redis Cluster the number of primaries, or a small multiple; 16 where several busy routers are to share them.',
      example: '16',
    }),
    waitReplicas: withDefault(integer(0, 5), 0, {
      variable: 'CARILLON_REDIS_WAIT_REPLICAS',
      description:
        'Replicas that have to have a message before it is accepted (WAIT). Narrows what a failover can lose; costs a round trip to the slowest of them.',
      example: '1',
    }),
    waitTimeoutMs: withDefault(durationMs(10, 4000), 500, {
      variable: 'CARILLON_REDIS_WAIT_TIMEOUT_MS',
      description:
        'Longest wait for the replicas. Then the outcome of the publish is unknown, and SDKs repeat it until it is known.',
      example: '500ms',
    }),
    connectTimeoutMs: withDefault(durationMs(100, 60_000), 2000, {
      variable: 'CARILLON_REDIS_CONNECT_TIMEOUT_MS',
      description: 'A connection attempt that takes longer is given up and repeated.',
      example: '2s',
    }),
  },
});
