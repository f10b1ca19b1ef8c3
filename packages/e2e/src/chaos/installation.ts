import type { Cluster } from '../cluster.ts';
import { startCluster } from '../cluster.ts';
import type { Links, Service } from '../services.ts';

export interface Installation {
  readonly cluster: Cluster;
  /** All services, by the name that plans use, e.g. `gateway-1`. */
  readonly services: ReadonlyMap<string, Service & { readonly links: Links }>;
}

/** How many there are of each; plans name them. */
export const COUNTS = { gateway: 2, router: 2, persistence: 2, admin: 1 } as const;

/** Clocks of machines differ: one gateway is ahead, a router and a persistence worker are behind, by minutes. */
const CLOCKS_MS: Readonly<Record<string, number>> = {
  'gateway-1': 120_000,
  'router-1': -180_000,
  'persistence-0': -120_000,
};

/** @param seed of the plan */
export async function startInstallation(seed: number): Promise<Installation> {
  const cluster = await startCluster({
    gateways: COUNTS.gateway,
    routers: COUNTS.router,
    persistence: COUNTS.persistence,
    admin: true,
    links: true,
    nodeArgs: ['--import', new URL('./clock/shift-clock.ts', import.meta.url).href],
    envOf: (name, index) => ({ SHIFTED_CLOCK_MS: String(CLOCKS_MS[`${name}-${index}`] ?? 0) }),
    env: {
      // Even seeds: channels that both gateways want are routed, channels that one wants are direct. Odd seeds: all are direct.
      CARILLON_DIRECT_LANE_MAX_GATEWAYS: seed % 2 === 0 ? '1' : '2',
      CARILLON_PERSISTENCE_CLAIM_IDLE_MS: '2s',
    },
  });
  const { gateways, routers, persistence, admin } = cluster;
  const services = new Map<string, Service & { readonly links: Links }>();
  for (const list of [gateways, routers, persistence, [admin!]])
    for (const [i, service] of list.entries())
      services.set(`${service.name}-${i}`, Object.assign(service, { links: service.links! }));
  return { cluster, services };
}
