import { readFileSync } from 'node:fs';
import {
  adminListener,
  adminSettings,
  authSettings,
  type ConfigOf,
  edgeSettings,
  gatewayLimits,
  gatewayListener,
  type LoadedConfig,
  loadConfig,
  namespacesSettings,
  otelSettings,
  persistenceSettings,
  processSettings,
  readText,
  routingSettings,
  singleProcessSettings,
  webhooksSettings,
} from '@carillon/config';
import { usageError } from './cli-error.ts';

/** The environment variables of the commands that talk to a gateway. Flags stand above them. */
export interface CliEnvironment {
  /** Address of a gateway. */
  readonly url: string | undefined;
  readonly token: string | undefined;
  /** Mints a token when none is given. */
  readonly jwtSecret: string | undefined;
  readonly dataDir: string | undefined;
  readonly adminUrl: string | undefined;
  readonly adminToken: string | undefined;
}

/** @throws CliError naming the variable whose file can't be read */
export function readCliEnvironment(): CliEnvironment {
  return {
    url: textOf('CARILLON_URL'),
    token: textOf('CARILLON_TOKEN'),
    jwtSecret: textOf('CARILLON_JWT_SECRET'),
    dataDir: process.env.CARILLON_DATA_DIR || undefined,
    adminUrl: textOf('CARILLON_ADMIN_URL'),
    adminToken: textOf('CARILLON_ADMIN_TOKEN'),
  };
}

/** With `@/path` as the services read it. */
function textOf(variable: string): string | undefined {
  try {
    return readText(variable, process.env, (path) => readFileSync(path, 'utf8'));
  } catch (error) {
    throw usageError((error as Error).message);
  }
}

const DEV_GROUPS = {
  process: processSettings,
  gateway: gatewayListener,
  admin: adminListener,
  adminApi: adminSettings,
  edge: edgeSettings,
  limits: gatewayLimits,
  auth: authSettings,
  namespaces: namespacesSettings,
  routing: routingSettings,
  persistence: persistenceSettings,
  webhooks: webhooksSettings,
  singleProcess: singleProcessSettings,
  otel: otelSettings,
};

export type DevConfig = ConfigOf<typeof DEV_GROUPS>;

/** Variables of which any one says how tokens are verified. */
const KEY_VARIABLES = ['CARILLON_JWT_SECRET', 'CARILLON_JWT_PUBLIC_KEY', 'CARILLON_JWT_JWKS_URL'] as const;
/** Variables that single-process mode ignores, because it has a broker and a database of its own. */
const UNUSED_VARIABLES = ['CARILLON_REDIS_URL', 'CARILLON_DATABASE_URL'] as const;

/**
 * Everything single-process mode takes from the environment.
 * @param secretOf gives the secret of this data directory, for when no key is configured; adminTokenOf likewise the token of the admin API
 * @throws ConfigError naming every wrong variable at once.
 */
export function readDevConfig(
  secretOf: () => string,
  adminTokenOf: () => string,
): LoadedConfig<DevConfig> & { readonly unused: readonly string[] } {
  const given = (name: string) => (process.env[name] ?? '').trim() !== '';
  const defaults = {
    // The start says what there is to say; below that, only what needs attention.
    CARILLON_LOG_LEVEL: 'warn',
    ...(given('CARILLON_ADMIN_TOKEN') ? {} : { CARILLON_ADMIN_TOKEN: adminTokenOf() }),
    ...(KEY_VARIABLES.some(given) ? {} : { CARILLON_JWT_SECRET: secretOf() }),
  };
  return { ...loadConfig(DEV_GROUPS, process.env, { defaults }), unused: UNUSED_VARIABLES.filter(given) };
}
