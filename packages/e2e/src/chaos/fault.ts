import type { Stage } from '../check/stage.ts';
import type { Links, Service } from '../services.ts';
import { COUNTS, type Installation } from './installation.ts';
import type { Traffic } from './traffic.ts';

export type Heal = () => Promise<void> | void;

/** Installation that faults are applied to. */
export interface Stricken extends Installation {
  readonly stage: Stage;
  readonly traffic: Traffic;
}

export interface Fault {
  /** Possible targets: names of services, or of a server. */
  readonly targets: readonly string[];
  /** Further components affected: no other fault is applied to them meanwhile. */
  readonly involves?: readonly string[];
  /** How long it lasts. */
  readonly durationMs: readonly [min: number, max: number];
  /** How often it is chosen, against the others. Default 1. */
  readonly weight?: number;
  /** Of a single Redis, of a cluster, or of an installation that is one process. Default: of the first two. */
  readonly only?: 'single' | 'cluster' | 'process';
  /** Only with `--redis-loss` or `--power-loss`: acknowledged data are lost on purpose. */
  readonly losesData?: boolean;
  /** A replica may take over, which may lack what was acknowledged last. */
  readonly failsOver?: boolean;
  /** Gateways that it is done to forget what they hold. */
  readonly endsGateways?: boolean;
  /** Does it. What it resolves with ends it. */
  readonly strike: (stricken: Stricken, target: string) => Promise<Heal> | Heal;
}

/** Installation that faults are planned for. */
export interface Setting {
  /** A Redis Cluster instead of a single Redis. */
  readonly cluster: boolean;
  /** One process instead of services, Redis and Postgres. */
  readonly single: boolean;
}

export function isFor({ only }: Fault, { cluster, single }: Setting): boolean {
  if (single || only === 'process') return single && only === 'process';
  return only !== (cluster ? 'single' : 'cluster');
}

export type Faults = Readonly<Record<string, Fault>>;

export const SERVICES = Object.entries(COUNTS).flatMap(([name, count]) =>
  Array.from({ length: count }, (_, i) => `${name}-${i}`),
);

/** Services whose names begin like this. */
export const named = (...names: string[]): readonly string[] =>
  SERVICES.filter((service) => names.some((name) => service.startsWith(name)));

export function serviceOf({ services }: Installation, target: string): Service & { readonly links: Links } {
  const found = services.get(target);
  if (found === undefined) throw new Error(`there is no ${target}`);
  return found;
}
