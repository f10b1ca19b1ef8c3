import { describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { givenSettings } from './given-settings.ts';
import {
  adminListener,
  authSettings,
  databaseSettings,
  gatewayLimits,
  gatewayListener,
  namespacesSettings,
  otelSettings,
  processSettings,
  redisSettings,
  routingSettings,
} from './index.ts';
import { type Groups, loadConfig } from './load.ts';
import type { Environment } from './setting.ts';

const GATEWAY = {
  process: processSettings,
  listener: gatewayListener,
  redis: redisSettings,
  auth: authSettings,
  namespaces: namespacesSettings,
  limits: gatewayLimits,
  routing: routingSettings,
  otel: otelSettings,
};
const SECRET = 'a-secret-of-more-than-32-characters-0001';
const MINIMAL = { CARILLON_REDIS_URL: 'redis://localhost', CARILLON_JWT_SECRET: SECRET };

function faults(groups: Groups, env: Environment): ConfigError {
  try {
    loadConfig(groups, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

test('the defaults are those of the product', () => {
  const { config, warnings } = loadConfig(GATEWAY, MINIMAL);
  expect(warnings).toEqual([]);
  expect(config.listener).toEqual({ host: '127.0.0.1', port: 8080 });
  expect(config.redis).toMatchObject({ prefix: 'carillon', partitions: 1 });
  expect(config.limits).toMatchObject({
    maxFrameBytes: 65_536,
    maxConnections: 5000,
    maxSubscriptions: 128,
    authTimeoutMs: 10_000,
    pingIntervalMs: 25_000,
    heartbeatTimeoutMs: 60_000,
    sendQueueMessages: 1000,
    sendQueueBytes: 1_048_576,
  });
  expect(config.routing.directLaneMaxGateways).toBe(8);
  expect(config.auth).toMatchObject({
    algorithms: ['HS256'],
    userClaims: ['sub', 'userId', 'user_id'],
    leewayMs: 60_000,
    maxTokenAgeMs: 86_400_000,
    anonymous: undefined,
    defaultCapabilities: undefined,
  });
});

test('the database: pool, timeouts, and the client always waits longer than the server', () => {
  const { config } = loadConfig(
    { database: databaseSettings },
    { CARILLON_DATABASE_URL: 'postgres://h/d', CARILLON_DATABASE_STATEMENT_TIMEOUT_MS: '30s' },
  );
  expect(config.database).toMatchObject({
    poolMin: 5,
    poolMax: 20,
    connectTimeoutMs: 2000,
    slowQueryMs: 1000,
  });
  expect(config.database.queryTimeoutMs).toBeGreaterThan(config.database.statementTimeoutMs);
});

describe('faults', () => {
  test('every missing, wrong and contradictory variable is named at once', () => {
    const error = faults(
      { ...GATEWAY, database: databaseSettings },
      {
        CARILLON_GATEWAY_PORT: '99999',
        CARILLON_JWT_SECRET: 'short',
        CARILLON_NAMESPACES: '{',
        CARILLON_PING_INTERVAL_MS: '90s',
        CARILLON_DATABASE_POOL_MIN: '30',
        CARILLON_DATABASE_SLOW_QUERY_MS: '20s',
      },
    );
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.retryable).toBe(false);
    expect(error.problems.map(({ variables }) => variables)).toEqual([
      ['CARILLON_GATEWAY_PORT'],
      ['CARILLON_REDIS_URL'],
      ['CARILLON_JWT_SECRET'],
      ['CARILLON_NAMESPACES'],
      ['CARILLON_PING_INTERVAL_MS', 'CARILLON_HEARTBEAT_TIMEOUT_MS'],
      ['CARILLON_DATABASE_URL'],
      ['CARILLON_DATABASE_POOL_MIN', 'CARILLON_DATABASE_POOL_MAX'],
      ['CARILLON_DATABASE_SLOW_QUERY_MS', 'CARILLON_DATABASE_STATEMENT_TIMEOUT_MS'],
    ]);
  });

  test('a fault says the variable, the value, what is allowed, and an example', () => {
    expect(faults(GATEWAY, { ...MINIMAL, CARILLON_GATEWAY_PORT: 'http' }).message).toBe(
      '1 problem in the configuration:\n' +
        '  - CARILLON_GATEWAY_PORT is "http". Allowed: integer 0..65535. Example: CARILLON_GATEWAY_PORT=8080',
    );
  });

  test('secrets and passwords are not shown', () => {
    const { message } = faults(GATEWAY, {
      CARILLON_JWT_SECRET: 'hunter2',
      CARILLON_REDIS_URL: 'http://user:hunter2@host',
    });
    expect(message).not.toContain('hunter2');
    expect(message).toContain('secret, 7 characters');
    expect(message).toContain('http://user:***@host');
    expect(faults(GATEWAY, { ...MINIMAL, CARILLON_REDIS_URL: 'user:hunter2@host' }).message).not.toContain(
      'hunter2',
    );
  });

  test.each<[string, Environment, string]>([
    ['heartbeat', { CARILLON_HEARTBEAT_TIMEOUT_MS: '25s' }, 'CARILLON_PING_INTERVAL_MS'],
    ['send queue below a frame', { CARILLON_SEND_QUEUE_BYTES: '2KiB' }, 'CARILLON_MAX_FRAME_BYTES'],
    [
      'body below a frame',
      { CARILLON_MAX_FRAME_BYTES: '2MiB', CARILLON_SEND_QUEUE_BYTES: '4MiB' },
      'HTTP_BODY',
    ],
    ['heartbeat with no time for an answer', { CARILLON_HEARTBEAT_TIMEOUT_MS: '37s' }, '1.5 times'],
    ['gateway timeout', { CARILLON_GATEWAY_TIMEOUT_MS: '3s' }, 'CARILLON_GATEWAY_HEARTBEAT_MS'],
  ])('cross-check: %s', (_what, env, part) => {
    expect(faults(GATEWAY, { ...MINIMAL, ...env }).message).toContain(part);
  });
});

describe('what counts as given', () => {
  test('an empty variable does not', () => {
    const { config } = loadConfig(GATEWAY, {
      ...MINIMAL,
      CARILLON_GATEWAY_PORT: ' ',
      CARILLON_REDIS_PREFIX: '',
    });
    expect(config.listener.port).toBe(8080);
    expect(config.redis.prefix).toBe('carillon');
  });

  test("a Kubernetes service link does not, and isn't warned about", () => {
    const { config, warnings } = loadConfig(GATEWAY, {
      ...MINIMAL,
      CARILLON_GATEWAY_PORT: 'tcp://10.0.0.1:8080',
      CARILLON_GATEWAY_SERVICE_HOST: '10.0.0.1',
      CARILLON_GATEWAY_SERVICE_PORT: '8080',
      CARILLON_GATEWAY_SERVICE_PORT_HTTP: '8080',
      CARILLON_GATEWAY_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      CARILLON_GATEWAY_PORT_8080_TCP_ADDR: '10.0.0.1',
      CARILLON_CONSOLE_PORT: 'tcp://10.0.0.1:80',
    });
    expect(config.listener.port).toBe(8080);
    expect(warnings).toEqual([]);
  });

  test("an app's own defaults stand between the environment and the declared ones", () => {
    const defaults = { CARILLON_GATEWAY_PORT: '1', CARILLON_HOST: '::', CARILLON_JWT_SECRET: SECRET };
    const { config } = loadConfig(
      { listener: gatewayListener, auth: authSettings },
      { CARILLON_GATEWAY_PORT: '2', CARILLON_HOST: '' },
      { defaults },
    );
    expect(config.listener).toEqual({ host: '::', port: 2 });
  });

  test('@/path reads a file', () => {
    const readFile = (path: string) =>
      path === '/etc/ns.json' ? '{"a":{"ephemeral":true}}\n' : `${SECRET}\n`;
    const { config } = loadConfig(
      { namespaces: namespacesSettings, auth: authSettings },
      { CARILLON_NAMESPACES: '@/etc/ns.json', CARILLON_JWT_SECRET: '@./secret' },
      { readFile },
    );
    expect(config.namespaces.map(({ name }) => name)).toEqual(['a', 'default']);
    expect(config.auth.secret).toBe(SECRET);
  });

  test("a file that can't be read is a fault that names it", () => {
    const { message } = faults(GATEWAY, { ...MINIMAL, CARILLON_NAMESPACES: '@/no/such/file.json' });
    expect(message).toContain(
      "CARILLON_NAMESPACES names the file /no/such/file.json, which can't be read (ENOENT)",
    );
  });

  test('faults in a secret file do not show its content', () => {
    const env = { ...MINIMAL, CARILLON_JWT_SECRET: '@/s' };
    expect(() => loadConfig(GATEWAY, env, { readFile: () => 'hunter2' })).toThrow(
      /^(?!.*hunter2)[\s\S]*7 characters/,
    );
  });
});

describe('warnings', () => {
  test('an unknown variable is named with the one that was meant', () => {
    const { warnings } = loadConfig(GATEWAY, {
      ...MINIMAL,
      CARILLON_GATEWEY_PORT: '1',
      CARILLON_JWT_SECERT: 'x',
      CARILLON_SOMETHING_ELSE_ALTOGETHER: 'x',
      OTHER: 'x',
    });
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain('CARILLON_GATEWEY_PORT is not a variable');
    expect(warnings[0]).toContain('Did you mean CARILLON_GATEWAY_PORT?');
    expect(warnings[1]).toContain('Did you mean CARILLON_JWT_SECRET?');
    expect(warnings[2]).not.toContain('Did you mean');
  });

  test("variables of other services aren't unknown", () => {
    const env = { ...MINIMAL, CARILLON_ADMIN_PORT: 'not read here', CARILLON_DATABASE_URL: 'postgres://x/y' };
    expect(loadConfig(GATEWAY, env).warnings).toEqual([]);
    expect(() => loadConfig({ admin: adminListener }, env)).toThrow(ConfigError);
  });

  test('an unsupported OTEL_* value is ignored, not refused', () => {
    const { config, warnings } = loadConfig(GATEWAY, { ...MINIMAL, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
    expect(config.otel.protocol).toBe('http/protobuf');
    expect(warnings).toEqual([expect.stringContaining('OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"')]);
  });
});

test('what is in force can be logged: sources, no secrets, equal fingerprints for equal secrets', () => {
  const env = { ...MINIMAL, CARILLON_REDIS_URL: 'redis://u:hunter2@h' };
  const shown = (given: Environment, variable: string) =>
    loadConfig(GATEWAY, given).effective.find((setting) => setting.variable === variable);
  expect(JSON.stringify(loadConfig(GATEWAY, env).effective)).not.toMatch(/hunter2|a-secret-of/);
  expect(shown(env, 'CARILLON_REDIS_URL')).toEqual({
    variable: 'CARILLON_REDIS_URL',
    shown: '"redis://u:***@h"',
    compared: '"redis://u:***@h"',
    source: 'environment',
  });
  expect(shown(env, 'CARILLON_GATEWAY_PORT')?.source).toBe('default');
  expect(shown(env, 'CARILLON_JWT_ISSUER')?.source).toBe('default');
  const secret = shown(env, 'CARILLON_JWT_SECRET')?.shown;
  expect(secret).toMatch(/fingerprint [0-9a-f]{8}/);
  expect(shown({ ...env, CARILLON_GATEWAY_PORT: '1' }, 'CARILLON_JWT_SECRET')?.shown).toBe(secret);
  expect(shown({ ...env, CARILLON_JWT_SECRET: `${SECRET}x` }, 'CARILLON_JWT_SECRET')?.shown).not.toBe(secret);
});

test('node ids differ from start to start', () => {
  const id = () => loadConfig({ process: processSettings }, {}).config.process.nodeId;
  expect(id()).not.toBe(id());
  expect(id()).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
});

test('the log line at start names what was set, and no secret', () => {
  const env = { ...MINIMAL, CARILLON_REDIS_URL: 'redis://u:hunter2@h', CARILLON_GATEWAY_PORT: '8090' };
  const lines = givenSettings(loadConfig(GATEWAY, env).effective);
  expect(lines).toContain('CARILLON_REDIS_URL is "redis://u:***@h"');
  expect(lines).toContain('CARILLON_GATEWAY_PORT is "8090"');
  expect(lines.join()).toMatch(/CARILLON_JWT_SECRET is \(secret, \d+ characters, fingerprint [0-9a-f]{8}\)/);
  expect(lines.join()).not.toMatch(/hunter2|a-secret-of/);
  expect(lines.join()).not.toContain('CARILLON_PING_INTERVAL_MS');
});
