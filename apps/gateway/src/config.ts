import {
  authSettings,
  type ConfigOf,
  edgeSettings,
  gatewayLimits,
  gatewayListener,
  type LoadedConfig,
  loadConfig,
  namespacesSettings,
  otelSettings,
  processSettings,
  redisSettings,
  routingSettings,
} from '@carillon/config';

export const GROUPS = {
  process: processSettings,
  listener: gatewayListener,
  edge: edgeSettings,
  limits: gatewayLimits,
  auth: authSettings,
  namespaces: namespacesSettings,
  routing: routingSettings,
  redis: redisSettings,
  otel: otelSettings,
};

export type GatewayConfig = ConfigOf<typeof GROUPS>;

/** @throws ConfigError naming every wrong variable at once. */
export function readConfig(): LoadedConfig<GatewayConfig> {
  return loadConfig(GROUPS, process.env);
}
