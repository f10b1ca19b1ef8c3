import { startRedisCluster } from '@carillon/testing';
import { REDIS_SETTINGS, startCarillon } from '../targets/carillon.ts';
import type { Target } from '../targets/target.ts';
import { publishAcross } from './publish-across.ts';
import {
  type Result,
  type Scenario,
  type Size,
  type Timing,
  usualSeconds,
  type Variant,
} from './scenario.ts';

const CONNECTIONS = 60;
const IN_FLIGHT = 100;
const NODES = 3;
/** Of all CPU of Redis: a node with less only keeps itself and the cluster going. */
const WORKING_SHARE = 0.1;

function variant(name: string, options: Parameters<typeof startCarillon>[0]): Variant {
  return { name, start: async () => ({ ...(await startCarillon(options)), name }) };
}

const env = { CARILLON_PARTITIONS: String(NODES) };

export const ON_CLUSTER: Variant = variant(`Redis Cluster of ${NODES}, ${NODES} partitions`, {
  env,
  startRedis: async () => {
    // No node is taken for failed that only stands still for a while.
    const config = { ...REDIS_SETTINGS.config, 'cluster-node-timeout': '15000' };
    const redis = await startRedisCluster({ ...REDIS_SETTINGS, config, primaries: NODES });
    const processes = redis.nodes.map(({ pid }, i) => [`redis-${i + 1}`, pid] as const);
    return { url: redis.url, processes, stop: () => redis.stop() };
  },
});

/** Partitions on one Redis are a variant of their own: the difference to the cluster is the cost of its nodes. */
export const cluster: Scenario = {
  name: 'cluster',
  row: '',
  title: `publish until accepted, on one Redis and on Redis Cluster: ${CONNECTIONS} connections, ${IN_FLIGHT} in flight each, a subscriber at the other node for each; not stored`,
  start: () => startCarillon(),
  peers: [],
  variants: [variant(`one Redis, ${NODES} partitions`, { env }), ON_CLUSTER],
  estimateSeconds: usualSeconds,
  run,
};

async function run(target: Target, timing: Timing, { clients = CONNECTIONS }: Size): Promise<Result> {
  const options = { name: cluster.name, connections: clients, inFlight: IN_FLIGHT };
  const result = await publishAcross(options, target, timing);
  return { ...result, figures: { ...result.figures, ...redisFigures(result) } };
}

/** Redis works with one core per server: the busiest one is the limit of all. */
function redisFigures({ cpuByProcessUs, units }: Result): Readonly<Record<string, number>> {
  const servers = Object.entries(cpuByProcessUs).flatMap(([name, us]) =>
    name.startsWith('redis') ? [us] : [],
  );
  const all = servers.reduce((sum, us) => sum + us, 0);
  const busiest = Math.max(...servers);
  return {
    redisNsPerPublish: (all / units) * 1000,
    busiestRedisNsPerPublish: (busiest / units) * 1000,
    publishesPerSecondAtOneFullCoreOfTheBusiest: (1_000_000 * units) / busiest,
    redisServersWithPublishes: servers.filter((us) => us > all * WORKING_SHARE).length,
  };
}
