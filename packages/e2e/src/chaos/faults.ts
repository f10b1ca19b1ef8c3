import { eventually, refuseInserts, slowInserts } from '@carillon/testing';
import { Redis } from 'ioredis';
import { cutFeeds } from '../cut-feeds.ts';
import type { Links, Service } from '../services.ts';
import { COUNTS, type Installation } from './installation.ts';

type Heal = () => Promise<void> | void;

export interface Fault {
  /** What it can be done to: names of services, or of a server. */
  readonly targets: readonly string[];
  /** How long it lasts. */
  readonly durationMs: readonly [min: number, max: number];
  /** How often it is chosen, against the others. Default 1. */
  readonly weight?: number;
  /** Only with `--redis-loss`: acknowledged data are lost on purpose. */
  readonly losesData?: boolean;
  /** Does it. What it resolves with ends it. */
  readonly strike: (installation: Installation, target: string) => Promise<Heal> | Heal;
}

const SERVICES = Object.entries(COUNTS).flatMap(([name, count]) =>
  Array.from({ length: count }, (_, i) => `${name}-${i}`),
);
const named = (...names: string[]): readonly string[] =>
  SERVICES.filter((service) => names.some((name) => service.startsWith(name)));

function service({ services }: Installation, target: string): Service & { readonly links: Links } {
  const found = services.get(target);
  if (found === undefined) throw new Error(`there is no ${target}`);
  return found;
}

/** A fault of the way between two. */
function link(end: keyof Links, damage: (link: Links['redis']) => void): Fault['strike'] {
  return (installation, target) => {
    const { links } = service(installation, target);
    damage(links[end]);
    return () => links[end].heal();
  };
}

async function restartPostgres({ cluster: { postgres } }: Installation): Promise<void> {
  // Backends of the killed server may hold its memory for a moment.
  await eventually(() => postgres.restart().then(() => true), {
    what: 'Postgres is back',
    timeoutMs: 20_000,
  });
}

const TO_REDIS = { targets: SERVICES } as const;
const TO_POSTGRES = { targets: named('persistence', 'admin') } as const;
const TO_CLIENTS = { targets: named('gateway') } as const;
const REDIS = { targets: ['redis'] } as const;
const POSTGRES = { targets: ['postgres'] } as const;

const SERVICE_FAULTS: Readonly<Record<string, Fault>> = {
  kill: {
    ...{ targets: SERVICES, durationMs: [100, 3000], weight: 6 },
    strike: async (installation, target) => {
      await service(installation, target).kill();
      return () => service(installation, target).start();
    },
  },
  restart: {
    ...{ targets: SERVICES, durationMs: [0, 1000], weight: 2 },
    strike: async (installation, target) => {
      await service(installation, target).stop();
      return () => service(installation, target).start();
    },
  },
  freeze: {
    ...{ targets: SERVICES, durationMs: [500, 12_000], weight: 4 },
    strike: (installation, target) => {
      service(installation, target).pause();
      return () => service(installation, target).resume();
    },
  },
};

const LINK_FAULTS: Readonly<Record<string, Fault>> = {
  'cut from redis': { ...TO_REDIS, durationMs: [0, 100], strike: link('redis', (way) => way.cut()) },
  'refused by redis': { ...TO_REDIS, durationMs: [100, 4000], strike: link('redis', (way) => way.refuse()) },
  'redis unheard': {
    ...TO_REDIS,
    durationMs: [100, 4000],
    weight: 2,
    strike: link('redis', (way) => way.halfOpen('toClient')),
  },
  'redis half open': {
    ...TO_REDIS,
    durationMs: [100, 7000],
    weight: 2,
    strike: link('redis', (way) => way.halfOpen()),
  },
  'redis far': {
    ...TO_REDIS,
    durationMs: [1000, 5000],
    strike: link('redis', (way) => way.delay({ delayMs: 60, jitterMs: 50 })),
  },
  'cut from postgres': { ...TO_POSTGRES, durationMs: [0, 100], strike: link('postgres', (way) => way.cut()) },
  'refused by postgres': {
    ...TO_POSTGRES,
    durationMs: [100, 4000],
    strike: link('postgres', (way) => way.refuse()),
  },
  'postgres half open': {
    ...TO_POSTGRES,
    durationMs: [100, 5000],
    strike: link('postgres', (way) => way.halfOpen()),
  },
  'cut from clients': {
    ...TO_CLIENTS,
    durationMs: [0, 100],
    weight: 2,
    strike: link('clients', (way) => way.cut()),
  },
  'refused to clients': {
    ...TO_CLIENTS,
    durationMs: [100, 5000],
    strike: link('clients', (way) => way.refuse()),
  },
  'clients half open': {
    ...TO_CLIENTS,
    durationMs: [500, 6000],
    weight: 2,
    strike: link('clients', (way) => way.halfOpen()),
  },
  'clients far': {
    ...TO_CLIENTS,
    durationMs: [1000, 5000],
    strike: link('clients', (way) => way.delay({ delayMs: 80, jitterMs: 80 })),
  },
  'clients on a thin line': {
    ...TO_CLIENTS,
    durationMs: [1000, 4000],
    strike: link('clients', (way) => way.limit(60_000, 'toClient')),
  },
};

const SERVER_FAULTS: Readonly<Record<string, Fault>> = {
  'redis killed': {
    ...{ ...REDIS, durationMs: [100, 4000], weight: 3 },
    strike: async ({ cluster: { redis } }) => {
      await redis.kill();
      return () => redis.restart();
    },
  },
  'redis frozen': {
    ...{ ...REDIS, durationMs: [200, 8000], weight: 2 },
    strike: ({ cluster: { redis } }) => {
      redis.pause();
      return () => redis.resume();
    },
  },
  'feeds emptied': {
    ...{ ...REDIS, durationMs: [100, 1500], weight: 2 },
    strike: async ({ cluster: { redis } }) => {
      await cutFeeds(redis.url);
      return async () => {
        await cutFeeds(redis.url);
      };
    },
  },
  'postgres killed': {
    ...{ ...POSTGRES, durationMs: [100, 5000] },
    strike: async (installation) => {
      await installation.cluster.postgres.kill();
      return () => restartPostgres(installation);
    },
  },
  'postgres frozen': {
    ...{ ...POSTGRES, durationMs: [500, 8000] },
    strike: ({ cluster: { postgres } }) => {
      postgres.pause();
      return () => postgres.resume();
    },
  },
  'postgres full': {
    ...{ ...POSTGRES, durationMs: [500, 6000] },
    strike: ({ cluster }) => refuseInserts(cluster.postgres.url, 'messages'),
  },
  'postgres slow': {
    ...{ ...POSTGRES, durationMs: [1000, 6000] },
    strike: ({ cluster }) => slowInserts(cluster.postgres.url, 'messages', 700),
  },
};

const LOSS_FAULTS: Readonly<Record<string, Fault>> = {
  'redis lost its tail': {
    ...{ ...REDIS, durationMs: [0, 1000], weight: 4, losesData: true },
    strike:
      ({ cluster: { redis } }) =>
      async () => {
        await redis.restartWithTailLost(30);
      },
  },
  'redis lost everything': {
    ...{ ...REDIS, durationMs: [0, 1000], weight: 2, losesData: true },
    strike:
      ({ cluster: { redis } }) =>
      () =>
        redis.restartEmpty(),
  },
  'redis lost some seconds': {
    ...{ ...REDIS, durationMs: [500, 4000], weight: 2, losesData: true },
    strike: async ({ cluster: { redis } }) => {
      const client = new Redis(redis.url);
      // Without a rewrite in the middle of the copy.
      await client.config('SET', 'auto-aof-rewrite-percentage', '0').finally(() => client.disconnect());
      return await redis.keepCopy();
    },
  },
};

export const FAULTS: Readonly<Record<string, Fault>> = {
  ...SERVICE_FAULTS,
  ...LINK_FAULTS,
  ...SERVER_FAULTS,
  ...LOSS_FAULTS,
};
