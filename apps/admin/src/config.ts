import {
  adminListener,
  adminSettings,
  databaseSettings,
  loadConfig,
  otelSettings,
  processSettings,
  redisSettings,
} from '@carillon/config';

const GROUPS = {
  process: processSettings,
  listener: adminListener,
  admin: adminSettings,
  redis: redisSettings,
  database: databaseSettings,
  otel: otelSettings,
};

/** Everything admin takes from the environment. @throws ConfigError naming every wrong variable at once. */
export function readConfig() {
  return loadConfig(GROUPS, process.env);
}
