import {
  databaseSettings,
  loadConfig,
  namespacesSettings,
  otelSettings,
  persistenceListener,
  persistenceSettings,
  processSettings,
  redisSettings,
  routingSettings,
  webhooksSettings,
} from '@carillon/config';

const GROUPS = {
  process: processSettings,
  listener: persistenceListener,
  persistence: persistenceSettings,
  namespaces: namespacesSettings,
  webhooks: webhooksSettings,
  redis: redisSettings,
  routing: routingSettings,
  database: databaseSettings,
  otel: otelSettings,
};

/** Everything persistence takes from the environment. @throws ConfigError naming every wrong variable at once. */
export function readConfig() {
  return loadConfig(GROUPS, process.env);
}

/** Reads the settings of the migration. @throws ConfigError naming every wrong variable at once. */
export function readMigrateConfig() {
  return loadConfig({ process: processSettings, database: databaseSettings }, process.env);
}
