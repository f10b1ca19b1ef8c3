import { expect, it } from 'vitest';
import { connectionFailure } from './diagnose.ts';
import type { Target } from './resolve-target.ts';

const asked: Target = {
  url: 'http://127.0.0.1:8080',
  auth: {},
  source: 'default',
  dev: undefined,
  dataDir: undefined,
};
const hintFor = async (target: Target, code: string) =>
  (await connectionFailure(target, { code, message: 'No.' })).hint;

it('tells who has no running instance that another gateway was asked', async () => {
  expect(await hintFor(asked, 'TOKEN_MISSING')).toMatch(
    /^No running instance was found in this folder or one above it, so http:\/\/127\.0\.0\.1:8080 was asked/,
  );
  expect(await hintFor({ ...asked, dataDir: '/srv/carillon' }, 'TOKEN_MISSING')).toContain(
    'in /srv/carillon,',
  );
});

it('does not say so when the address was given, or the token was at fault', async () => {
  expect(await hintFor({ ...asked, source: 'flag' }, 'TOKEN_MISSING')).toMatch(/^Send a token\. Pass one/);
  expect(await hintFor(asked, 'TOKEN_EXPIRED')).not.toContain('No running instance');
});
