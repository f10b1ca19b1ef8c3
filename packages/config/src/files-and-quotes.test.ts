import { expect, test } from 'vitest';
import { CATALOGUE } from './catalogue.ts';
import { ConfigError } from './config-error.ts';
import { adminSettings } from './groups/admin.ts';
import { commandLineSettings } from './groups/command-line.ts';
import { databaseSettings } from './groups/database.ts';
import { edgeSettings } from './groups/edge.ts';
import { gatewayListener } from './groups/listener.ts';
import { redisSettings } from './groups/redis.ts';
import { type Groups, loadConfig } from './load.ts';
import { readText } from './read-setting.ts';
import type { Environment } from './setting.ts';

const TOKEN = 'an-admin-token-of-32-characters-1';
const files = (contents: Readonly<Record<string, string>>) => ({
  readFile: (path: string): string => {
    const text = contents[path];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  },
});

function problem(groups: Groups, env: Environment, contents: Readonly<Record<string, string>> = {}): string {
  try {
    loadConfig(groups, env, files(contents));
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

test('every secret and every URL may stand in a file', () => {
  const all = CATALOGUE.flatMap((group) => Object.values(group.settings));
  const confidential = all.filter(({ secrecy, allowed }) => secrecy !== 'public' || allowed.includes('://'));
  expect(confidential.length).toBeGreaterThan(14);
  const without = confidential.filter(({ fromFile, allowed }) => !fromFile && !allowed.includes('origin'));
  expect(without.map(({ variable }) => variable)).toEqual([]);
  const { config } = loadConfig(
    { redis: redisSettings, database: databaseSettings, cli: commandLineSettings },
    {
      CARILLON_REDIS_URL: '@/run/secrets/redis',
      CARILLON_DATABASE_URL: '@/run/secrets/database',
      CARILLON_TOKEN: '@/run/secrets/token',
    },
    files({
      '/run/secrets/redis': '\uFEFFredis://:x@r:6379\r\n',
      '/run/secrets/database': 'postgres://u:p@d/x\n',
      '/run/secrets/token': 'a.b.c\n',
    }),
  );
  expect(config.redis.url).toBe('redis://:x@r:6379');
  expect(config.database.url).toBe('postgres://u:p@d/x');
  expect(config.cli.token).toBe('a.b.c');
  expect(readText('X', { X: '@/f' }, files({ '/f': ' text\n' }).readFile)).toBe('text');
});

test('a file that is missing, empty or UTF-16 is named with its variable', () => {
  const env = { CARILLON_ADMIN_TOKEN: '@/token' };
  expect(problem({ admin: adminSettings }, env)).toContain(
    "CARILLON_ADMIN_TOKEN names the file /token, which can't be read (ENOENT)",
  );
  expect(problem({ admin: adminSettings }, env, { '/token': '\n' })).toContain('/token, which is empty');
  const utf16 = Buffer.from(`\uFEFF${TOKEN}`, 'utf16le').toString('utf8');
  expect(problem({ admin: adminSettings }, env, { '/token': utf16 })).toContain(
    '/token, which is not UTF-8 text',
  );
});

test('quotes that an --env-file keeps are told', () => {
  const { warnings } = loadConfig({ admin: adminSettings }, { CARILLON_ADMIN_TOKEN: `"${TOKEN}"` });
  expect(warnings).toEqual([
    expect.stringMatching(/CARILLON_ADMIN_TOKEN is \(secret.*quotes .* --env-file keeps them/),
  ]);
  expect(JSON.stringify(warnings)).not.toContain(TOKEN);
  expect(problem({ redis: redisSettings }, { CARILLON_REDIS_URL: "'redis://r'" })).toContain(
    'The quotes around it',
  );
  expect(loadConfig({ admin: adminSettings }, { CARILLON_ADMIN_TOKEN: TOKEN }).warnings).toEqual([]);
});

test('an IPv6 address to listen on may stand in brackets', () => {
  const { config } = loadConfig({ gateway: gatewayListener }, { CARILLON_HOST: '[::1]' });
  expect(config.gateway.host).toBe('::1');
  expect(problem({ edge: edgeSettings }, { CARILLON_TRUSTED_PROXIES: '[::1]' })).toContain(
    'without brackets',
  );
});

test('files of TLS are looked at with the settings', () => {
  const redis = { CARILLON_REDIS_URL: 'rediss://r' };
  const ca = { ...redis, CARILLON_REDIS_TLS_CA_FILE: '/ca.pem' };
  expect(problem({ redis: redisSettings }, ca)).toContain(
    "CARILLON_REDIS_TLS_CA_FILE is /ca.pem, which can't be read",
  );
  expect(problem({ redis: redisSettings }, ca, { '/ca.pem': 'x' })).toContain('which is no PEM file');
  expect(problem({ redis: redisSettings }, { ...redis, CARILLON_REDIS_TLS_CERT_FILE: '/c' })).toContain(
    'go together',
  );
  const plain = { ...ca, CARILLON_REDIS_URL: 'redis://r' };
  expect(problem({ redis: redisSettings }, plain, { '/ca.pem': '-----BEGIN CERTIFICATE-----' })).toContain(
    'rediss://',
  );
  const database = { CARILLON_DATABASE_URL: 'postgres://d/x?sslrootcert=/no.pem' };
  expect(problem({ database: databaseSettings }, database)).toContain(
    "sslrootcert in CARILLON_DATABASE_URL is /no.pem, which can't be read (ENOENT)",
  );
  const edge = { CARILLON_TLS_CERT_FILE: '/c.pem', CARILLON_TLS_KEY_FILE: '/k.pem' };
  const pem = '-----BEGIN NONSENSE-----';
  expect(problem({ edge: edgeSettings }, edge, { '/c.pem': pem, '/k.pem': pem })).toContain(
    'CARILLON_TLS_CERT_FILE is /c.pem, which does not begin with a certificate',
  );
});
