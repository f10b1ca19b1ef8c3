import {
  type RedisCluster,
  startPostgres,
  startRedis,
  startRedisCluster,
  type TestPostgres,
  type TestRedis,
} from '@carillon/testing';
import type { Rows } from '../check/read-back.ts';
import { type Links, migrate, type Service, startServices } from '../services.ts';

export interface Installation {
  /** Where messages are stored, by its address or by a way to ask it. */
  readonly database: string | Rows;
  /** Absent: everything is one process. */
  readonly postgres?: TestPostgres;
  readonly redis?: { readonly single: TestRedis } | { readonly cluster: RedisCluster };
  /** Of a single process. */
  readonly dataDir?: string;
  /** All services, by the name that plans use, e.g. `gateway-1`. */
  readonly services: ReadonlyMap<string, Service & { readonly links: Links }>;
  readonly gateways: readonly Service[];
  stop(): Promise<void>;
}

/** How many there are of each; plans name them. */
export const COUNTS = { gateway: 2, router: 2, persistence: 2, admin: 1 } as const;

/** Primaries of a cluster, each with a replica. */
export const SHARDS = 3;
const SLOTS = 16_384;
/** Of a single Redis, and of a cluster: two on each primary. */
const PARTITIONS = { single: '4', cluster: String(2 * SHARDS) } as const;
const DURABLE = { appendonly: true, config: { appendfsync: 'always' } } as const;

/** Clocks of machines differ: one gateway is ahead, a router and a persistence worker are behind, by minutes. */
const CLOCKS_MS: Readonly<Record<string, number>> = {
  'gateway-1': 120_000,
  'router-1': -180_000,
  'persistence-0': -120_000,
};

export function slotOfShard(shard: number): number {
  return Math.ceil((shard * SLOTS) / SHARDS);
}

export function singleRedis({ redis }: Installation): TestRedis {
  if (redis !== undefined && 'single' in redis) return redis.single;
  throw new Error('this fault is of a single Redis');
}

export function postgresOf({ postgres }: Installation): TestPostgres {
  if (postgres !== undefined) return postgres;
  throw new Error('this fault is of a Postgres of its own');
}

export function redisClusterOf({ redis }: Installation): RedisCluster {
  if (redis !== undefined && 'cluster' in redis) return redis.cluster;
  throw new Error('this fault is of a Redis Cluster');
}

async function startRedisFor(isCluster: boolean): Promise<NonNullable<Installation['redis']>> {
  if (!isCluster) return { single: await startRedis(DURABLE) };
  const config = { ...DURABLE.config, 'cluster-replica-validity-factor': '0' };
  return {
    cluster: await startRedisCluster({ ...DURABLE, config, primaries: SHARDS, replicas: 1 }),
  };
}

/** As the plan with this seed has it, on a single Redis or a cluster. */
export async function startInstallation(seed: number, isCluster: boolean): Promise<Installation> {
  const redis = await startRedisFor(isCluster);
  const server = 'single' in redis ? redis.single : redis.cluster;
  const postgres = await startPostgres();
  await migrate(postgres.url);
  const started = await startServices({
    ...{ redisUrl: server.url, databaseUrl: postgres.url, links: true, admin: true },
    ...{ gateways: COUNTS.gateway, routers: COUNTS.router, persistence: COUNTS.persistence },
    nodeArgs: ['--import', new URL('./clock/shift-clock.ts', import.meta.url).href],
    envOf: (name, index) => ({ SHIFTED_CLOCK_MS: String(CLOCKS_MS[`${name}-${index}`] ?? 0) }),
    env: {
      // Even seeds: channels that both gateways want are routed, channels that one wants are direct. Odd seeds: all are direct.
      CARILLON_DIRECT_LANE_MAX_GATEWAYS: seed % 2 === 0 ? '1' : '2',
      CARILLON_PERSISTENCE_CLAIM_IDLE_MS: '2s',
      CARILLON_PARTITIONS: PARTITIONS[isCluster ? 'cluster' : 'single'],
      CARILLON_NAMESPACES: JSON.stringify({ orders: { ackTimeoutMs: '30s' } }),
    },
  });
  const { gateways, routers, persistence, admin } = started;
  const services = new Map<string, Service & { readonly links: Links }>();
  for (const list of [gateways, routers, persistence, [admin!]])
    for (const [i, service] of list.entries())
      services.set(`${service.name}-${i}`, Object.assign(service, { links: service.links! }));
  const stop = async (): Promise<void> => {
    await started.stop();
    await server.stop();
    await postgres.stop();
  };
  return { database: postgres.url, redis, postgres, services, gateways, stop };
}
