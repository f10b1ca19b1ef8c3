/** Faults in which a single Redis loses what it has acknowledged. */
import { setTimeout as pause } from 'node:timers/promises';
import { redisCommand, type TestRedis } from '@carillon/testing';
import { type Fault, type Faults, type Heal, named, type Stricken, serviceOf } from './fault.ts';
import { singleRedis } from './installation.ts';

const TAIL = 30;
/** Traffic that is accepted between two steps of a fault. */
const BETWEEN_STEPS_MS = 1000;

const REDIS = { targets: ['redis'], only: 'single', losesData: true } as const satisfies Partial<Fault>;
const GATEWAYS = named('gateway');

/** Resolves with what brings back the data as they are now. */
async function copyOf(redis: TestRedis): Promise<() => Promise<void>> {
  // Without a rewrite in the middle of the copy.
  await redisCommand(redis, 'CONFIG', 'SET', 'auto-aof-rewrite-percentage', '0');
  return await redis.keepCopy();
}

/** Ends all gateways, has Redis lose data while none is there, and starts them again. */
async function withoutGateways(stricken: Stricken, lose: () => Promise<unknown>): Promise<void> {
  const gateways = GATEWAYS.map((name) => serviceOf(stricken, name));
  await Promise.all([singleRedis(stricken).kill(), ...gateways.map((gateway) => gateway.kill())]);
  await lose();
  await Promise.all(gateways.map((gateway) => gateway.start()));
}

const SIMPLE_LOSSES: Faults = {
  'redis lost its tail': {
    ...{ ...REDIS, durationMs: [0, 1000], weight: 4 },
    strike: (stricken) => async () => {
      await singleRedis(stricken).restartWithTailLost(TAIL);
    },
  },
  'redis lost everything': {
    ...{ ...REDIS, durationMs: [0, 1000], weight: 2 },
    strike: (stricken) => () => singleRedis(stricken).restartEmpty(),
  },
  'redis lost some seconds': {
    ...{ ...REDIS, durationMs: [500, 4000], weight: 2 },
    strike: (stricken) => copyOf(singleRedis(stricken)),
  },
  'redis flushed': {
    ...{ ...REDIS, durationMs: [0, 500], weight: 2 },
    strike: (stricken) => async () => {
      await redisCommand(singleRedis(stricken), 'FLUSHALL');
    },
  },
};

const LOSSES_WITH_OTHERS: Faults = {
  'redis and gateways lost their tail': {
    ...{ ...REDIS, involves: GATEWAYS, endsGateways: true, durationMs: [0, 1000], weight: 2 },
    strike: (stricken) => () =>
      withoutGateways(stricken, () => singleRedis(stricken).restartWithTailLost(TAIL)),
  },
  'redis and gateways lost some seconds': {
    ...{ ...REDIS, involves: GATEWAYS, endsGateways: true, durationMs: [500, 4000], weight: 2 },
    strike: async (stricken): Promise<Heal> => {
      const restore = await copyOf(singleRedis(stricken));
      return () => withoutGateways(stricken, restore);
    },
  },
  'a loss was slept through': {
    ...{ targets: GATEWAYS, involves: ['redis'], only: 'single', losesData: true },
    ...{ durationMs: [10_500, 13_000], weight: 2 },
    strike: async (stricken, target) => {
      const restore = await copyOf(singleRedis(stricken));
      await pause(BETWEEN_STEPS_MS);
      serviceOf(stricken, target).pause();
      await restore();
      return () => serviceOf(stricken, target).resume();
    },
  },
  'a consumer was away when redis was flushed': {
    ...{ ...REDIS, durationMs: [1000, 4000], weight: 2 },
    strike: async (stricken) => {
      const comeBack = stricken.traffic.sendConsumerAway();
      await pause(BETWEEN_STEPS_MS);
      await redisCommand(singleRedis(stricken), 'FLUSHALL');
      return comeBack;
    },
  },
};

export const LOSS_FAULTS: Faults = { ...SIMPLE_LOSSES, ...LOSSES_WITH_OTHERS };
