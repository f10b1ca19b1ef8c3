import type { Group } from './group.ts';
import { adminSettings } from './groups/admin.ts';
import { authSettings } from './groups/auth.ts';
import { commandLineSettings } from './groups/command-line.ts';
import { databaseSettings } from './groups/database.ts';
import { edgeSettings } from './groups/edge.ts';
import { gatewayLimits } from './groups/gateway.ts';
import { adminListener, gatewayListener, persistenceListener, routerListener } from './groups/listener.ts';
import { namespacesSettings } from './groups/namespaces.ts';
import { otelSettings } from './groups/otel.ts';
import { persistenceSettings } from './groups/persistence.ts';
import { processSettings } from './groups/process.ts';
import { redisSettings } from './groups/redis.ts';
import { routingSettings } from './groups/routing.ts';
import { singleProcessSettings } from './groups/single-process.ts';
import { webhooksSettings } from './groups/webhooks.ts';

/** Every group of settings, in the order of the reference page. A service reads some of them. */
export const CATALOGUE: readonly Group<unknown>[] = [
  processSettings,
  gatewayListener,
  adminListener,
  routerListener,
  persistenceListener,
  edgeSettings,
  redisSettings,
  databaseSettings,
  authSettings,
  namespacesSettings,
  gatewayLimits,
  routingSettings,
  persistenceSettings,
  webhooksSettings,
  adminSettings,
  singleProcessSettings,
  commandLineSettings,
  otelSettings,
];

/** All variables of all services: they often share one environment, so none of these is unknown to any service. */
export const KNOWN_VARIABLES: ReadonlySet<string> = new Set(
  CATALOGUE.flatMap((group) => Object.values(group.settings).map((setting) => setting.variable)),
);
