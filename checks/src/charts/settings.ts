import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as config from '@carillon/config';
import { ROOT } from '../root.ts';
import { type JsonObject, type Leaf, leaf } from './value.ts';

export const SERVICES = ['gateway', 'router', 'persistence', 'admin'] as const;
export type Service = (typeof SERVICES)[number];

/** Settings that the charts set by values of another name, because other parts of the pod go by them as well. */
export const MANAGED: Readonly<Record<string, string>> = {
  CARILLON_NODE_ID: 'the default, which is the name of the pod and random characters',
  CARILLON_SHUTDOWN_TIMEOUT_MS: '`termination.shutdownTimeoutSeconds`',
  CARILLON_GATEWAY_PORT: 'the default; `service.port` is what others see',
  CARILLON_ADMIN_PORT: 'the default; `service.port` is what others see',
  CARILLON_ROUTER_PORT: 'the default; nobody but probes and Prometheus asks it',
  CARILLON_PERSISTENCE_PORT: 'the default; nobody but probes and Prometheus asks it',
  CARILLON_GATEWAY_METRICS_PORT: '9090, a port that no Ingress leads to',
  CARILLON_GATEWAY_METRICS_HOST: 'that of the other port',
  CARILLON_TLS_CERT_FILE: '`tls.existingSecret`',
  CARILLON_TLS_KEY_FILE: '`tls.existingSecret`',
  CARILLON_REDIS_TLS_CA_FILE: '`global.redisTls`',
  CARILLON_REDIS_TLS_CERT_FILE: '`global.redisTls`',
  CARILLON_REDIS_TLS_KEY_FILE: '`global.redisTls`',
};

/** Settings that have to be given by the Secret `global.existingSecret` when nothing else gives them. */
const FROM_EXISTING_SECRET: Readonly<Record<Service, readonly string[]>> = {
  gateway: ['redisUrl', 'jwtSecret'],
  router: ['redisUrl'],
  persistence: ['redisUrl', 'databaseUrl'],
  admin: ['redisUrl', 'databaseUrl', 'adminToken'],
};

export interface ChartSetting {
  /** Name of the value, made from that of the variable. */
  readonly name: string;
  readonly setting: config.Setting<unknown>;
}

type GroupName = { [K in keyof typeof config]: (typeof config)[K] extends config.Group<infer _> ? K : never };

/**
 * The groups of settings that a service reads, taken from the table in its `config.ts`: an app is not imported from here.
 */
export function groupsOf(service: Service): config.Groups {
  const source = readFileSync(join(ROOT, `apps/${service}/src/config.ts`), 'utf8');
  const table = /const GROUPS = \{([^}]*)\}/.exec(source)?.[1];
  if (table === undefined) throw new Error(`apps/${service}/src/config.ts has no table GROUPS`);
  const exported = config as unknown as Record<string, config.Group<unknown> | undefined>;
  return Object.fromEntries(
    [...table.matchAll(/(\w+): (\w+),/g)].map(([, key = '', name = '']) => {
      const group = exported[name as keyof GroupName];
      if (group === undefined) throw new Error(`@carillon/config exports no ${name}`);
      return [key, group];
    }),
  );
}

export function settingsOf(service: Service): readonly ChartSetting[] {
  return Object.values(groupsOf(service)).flatMap((group) => chartSettings(group));
}

/** Settings of all services, each once. */
export function allSettings(): readonly ChartSetting[] {
  const byName = new Map(SERVICES.flatMap(settingsOf).map((entry) => [entry.name, entry]));
  return [...byName.values()];
}

function chartSettings(group: config.Group<unknown>): readonly ChartSetting[] {
  return Object.values(group.settings)
    .filter(({ variable }) => !Object.hasOwn(MANAGED, variable))
    .map((setting) => ({ name: valueName(setting.variable), setting }));
}

/** `CARILLON_MAX_CONNECTIONS`: `maxConnections`. */
function valueName(variable: string): string {
  return variable
    .replace(/^CARILLON_/, '')
    .toLowerCase()
    .replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** `jwtSecret`: `jwt-secret`, the key in `global.existingSecret`. */
const keyName = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A value's schema, as far as a schema can say what the setting's own text says. */
function settingSchema({ allowed }: config.Setting<unknown>): JsonObject {
  const bounds = /^integer (\d+)\.\.(\d+)$/.exec(allowed);
  if (bounds !== null)
    return { type: ['integer', 'null'], minimum: Number(bounds[1]), maximum: Number(bounds[2]) };
  if (allowed.startsWith('milliseconds or'))
    return { type: ['integer', 'string', 'null'], minimum: 0, pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)?$' };
  if (allowed.startsWith('bytes or'))
    return { type: ['integer', 'string', 'null'], minimum: 0, pattern: '^[0-9]+(\\.[0-9]+)?(KiB|MiB|GiB)?$' };
  if (allowed.startsWith('number ')) return { type: ['number', 'null'], minimum: 0, maximum: 1 };
  if (allowed === 'true | false') return { type: ['boolean', 'null'] };
  if (allowed.startsWith('comma-separated list'))
    return { type: ['array', 'string', 'null'], items: { type: 'string' } };
  if (allowed.startsWith('JSON array')) return { type: ['array', 'null'], items: { type: 'object' } };
  if (/JSON object/.test(allowed)) return { type: ['object', 'string', 'null'] };
  if (/^[\w/]+( \| [\w/]+)+$/.test(allowed))
    return { type: ['string', 'null'], enum: [...allowed.split(' | '), null] };
  return { type: ['string', 'null'] };
}

export function settingLeaf({ setting }: ChartSetting): Leaf {
  const fallback = setting.defaultText ? ` Without it: ${setting.defaultText}.` : '';
  const description = `${setting.variable}: ${setting.allowed}. ${setting.description}${fallback}`;
  return leaf(description, null, settingSchema(setting));
}

/** Settings that may stand in a Secret: secrets, and values that are long or have a password in them. */
export const mayBeSecret = ({ setting }: ChartSetting): boolean => setting.fromFile;
/** Settings that may stand in the values. */
export const mayBePlain = ({ setting }: ChartSetting): boolean => setting.secrecy !== 'secret';

/** `files/service.json`, from which the templates make environment variables. */
export function serviceFile(service: Service, port: number, metricsPort: number): JsonObject {
  const settings = settingsOf(service).map((entry) => [
    entry.name,
    { variable: entry.setting.variable, plain: mayBePlain(entry), secret: mayBeSecret(entry) },
  ]);
  return {
    service,
    port,
    metricsPort,
    settings: Object.fromEntries(settings),
    fromExistingSecret: Object.fromEntries(
      FROM_EXISTING_SECRET[service].map((name) => [name, keyName(name)]),
    ),
  };
}
