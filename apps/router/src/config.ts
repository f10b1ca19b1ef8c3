import { readFileSync } from 'node:fs';
import {
  loadConfig,
  otelSettings,
  processSettings,
  redisSettings,
  routerListener,
  routingSettings,
} from '@carillon/config';

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
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
