import { expect, it } from 'vitest';
import { group } from './group.ts';
import { text } from './kinds.ts';
import { loadConfig } from './load.ts';
import { optional, withDefault } from './setting.ts';
import { settingsFingerprints } from './settings-fingerprints.ts';

const any = text(/^.*$/, 'any text');
const GROUPS = {
  all: group({
    title: 'All',
    settings: {
      secret: optional(any, {
        variable: 'CARILLON_JWT_SECRET',
        description: '',
        example: 'x',
        secrecy: 'secret',
      }),
      rate: withDefault(any, 'a', { variable: 'CARILLON_RATE', description: '', example: 'x' }),
      node: optional(any, { variable: 'CARILLON_NODE_ID', description: '', example: 'x' }),
    },
  }),
};
const SECRET = 'a-secret-of-more-than-thirty-two-characters';
const of = (env: Record<string, string>) => settingsFingerprints(loadConfig(GROUPS, env).effective);

it('equal settings and secrets have equal fingerprints, others not, and the name of the process counts for nothing', () => {
  const one = of({ CARILLON_JWT_SECRET: SECRET, CARILLON_NODE_ID: 'a' });
  expect(one).toEqual(of({ CARILLON_JWT_SECRET: SECRET, CARILLON_NODE_ID: 'b', CARILLON_RATE: 'a' }));
  expect(one.secrets.CARILLON_JWT_SECRET).toMatch(/^[0-9a-f]{8}$/);
  const other = of({ CARILLON_JWT_SECRET: `${SECRET}!`, CARILLON_RATE: 'b' });
  expect(other.secrets.CARILLON_JWT_SECRET).not.toBe(one.secrets.CARILLON_JWT_SECRET);
  expect(other.settings).not.toBe(one.settings);
});

it('tells no secret, and of a short one nothing', () => {
  const all = JSON.stringify([
    of({ CARILLON_JWT_SECRET: SECRET }),
    of({ CARILLON_JWT_SECRET: 'short-secret' }),
  ]);
  expect(all).not.toContain(SECRET.slice(0, 8));
  expect(all).not.toContain('short');
  expect(of({ CARILLON_JWT_SECRET: 'short-secret' }).secrets).toEqual({});
});
