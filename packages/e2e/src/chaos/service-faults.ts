import type { TcpProxy } from '@carillon/testing';
import type { Links } from '../services.ts';
import { type Fault, type Faults, named, SERVICES, serviceOf } from './fault.ts';

/** A fault of the way between two. */
function link(end: keyof Links, damage: (link: TcpProxy) => void): Fault['strike'] {
  return (installation, target) => {
    const way = serviceOf(installation, target).links[end];
    if (way === undefined) throw new Error(`${target} has no way to ${end} that can be damaged`);
    damage(way);
    return () => way.heal();
  };
}

const TO_REDIS = { targets: SERVICES, only: 'single' } as const;
const TO_POSTGRES = { targets: named('persistence', 'admin') } as const;
const TO_CLIENTS = { targets: named('gateway') } as const;

export const SERVICE_FAULTS: Faults = {
  kill: {
    ...{ targets: SERVICES, durationMs: [100, 3000], weight: 6, endsGateways: true },
    strike: async (installation, target) => {
      await serviceOf(installation, target).kill();
      return () => serviceOf(installation, target).start();
    },
  },
  restart: {
    ...{ targets: SERVICES, durationMs: [0, 1000], weight: 2, endsGateways: true },
    strike: async (installation, target) => {
      await serviceOf(installation, target).stop();
      return () => serviceOf(installation, target).start();
    },
  },
  freeze: {
    ...{ targets: SERVICES, durationMs: [500, 12_000], weight: 4 },
    strike: (installation, target) => {
      serviceOf(installation, target).pause();
      return () => serviceOf(installation, target).resume();
    },
  },
};

export const LINK_FAULTS: Faults = {
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
