import { eventually, refuseInserts, slowInserts } from '@carillon/testing';
import { cutFeeds } from '../cut-feeds.ts';
import type { Fault, Faults } from './fault.ts';
import { type Installation, postgresOf, singleRedis } from './installation.ts';

async function restartPostgres(installation: Installation): Promise<void> {
  const postgres = postgresOf(installation);
  // Backends of the killed server may hold its memory for a moment.
  await eventually(() => postgres.restart().then(() => true), {
    what: 'Postgres is back',
    timeoutMs: 20_000,
  });
}

const REDIS = { targets: ['redis'], only: 'single' } as const satisfies Partial<Fault>;
const POSTGRES = { targets: ['postgres'] } as const;

export const SERVER_FAULTS: Faults = {
  'redis killed': {
    ...{ ...REDIS, durationMs: [100, 4000], weight: 3 },
    strike: async (installation) => {
      const redis = singleRedis(installation);
      await redis.kill();
      return () => redis.restart();
    },
  },
  'redis frozen': {
    ...{ ...REDIS, durationMs: [200, 8000], weight: 2 },
    strike: (installation) => {
      const redis = singleRedis(installation);
      redis.pause();
      return () => redis.resume();
    },
  },
  'feeds emptied': {
    ...{ ...REDIS, durationMs: [100, 1500], weight: 2 },
    strike: async (installation) => {
      const { url } = singleRedis(installation);
      await cutFeeds(url);
      return async () => {
        await cutFeeds(url);
      };
    },
  },
  'postgres killed': {
    ...{ ...POSTGRES, durationMs: [100, 5000] },
    strike: async (installation) => {
      await postgresOf(installation).kill();
      return () => restartPostgres(installation);
    },
  },
  'postgres frozen': {
    ...{ ...POSTGRES, durationMs: [500, 8000] },
    strike: (installation) => {
      const postgres = postgresOf(installation);
      postgres.pause();
      return () => postgres.resume();
    },
  },
  'postgres full': {
    ...{ ...POSTGRES, durationMs: [500, 6000] },
    strike: (installation) => refuseInserts(postgresOf(installation).url, 'messages'),
  },
  'postgres slow': {
    ...{ ...POSTGRES, durationMs: [1000, 6000] },
    strike: (installation) => slowInserts(postgresOf(installation).url, 'messages', 700),
  },
};
