import {
  loadConfig,
  otelSettings,
  processSettings,
  redisSettings,
  routerListener,
  routingSettings,
} from '@carillon/config';
import packageJson from '../package.json' with { type: 'json' };

const GROUPS = {
  process: processSettings,
  listener: routerListener,
  redis: redisSettings,
  routing: routingSettings,
  otel: otelSettings,
};

/** Everything the router takes from the environment. @throws ConfigError naming every wrong variable at once. */
export function readConfig() {
  return loadConfig(GROUPS, process.env);
}

/** Version of this package, for logs and traces. */
export function readVersion(): string {
  return packageJson.version;
}
